//! What every connector is run through.
