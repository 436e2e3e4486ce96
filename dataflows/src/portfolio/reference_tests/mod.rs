pub(crate) mod shape;
