//! Performance: what a portfolio returned, and where that came from.
//!
//! | file | measure | source of its convention |
//! |---|---|---|
//! | `annualised` | a return of many days as one of a year | GIPS: nothing under a year is annualised |
//! | `attribution` | allocation, selection, interaction against a benchmark | Brinson, Hood, Beebower 1986; Brinson, Fachler 1985 |
//! | `contribution` | what each holding added to the return | Carino 1999; forward linking is plain algebra |
//! | `currency` | a return in another currency | (1 + local) (1 + exchange) − 1 |
//! | `daily` | the return of one day, before and after fees | GIPS: flows at a fixed, stated time of the day |
//! | `day_count` | how many years lie between two dates | ISDA 2006, section 4.16; SIA for 30/360 US |
//! | `dietz` | a return from average capital | Dietz 1966, modified by days |
//! | `legs` | days linked in a long and a short leg that can start again | rules NCTRL 1 to 4 of sgajbi's engines |
//! | `linked` | days linked to a time-weighted return | GIPS |
//! | `money_weighted` | the rate at which flows are worth nothing (XIRR) | as in spreadsheets: act/365 |
//! | `periods` | the dates of month to date, three years, since inception | calendar days, both ends included |
//!
//! PAS is the public portfolio-analytics-system of sgajbi.
//!
//! Rates are decimals: 0.05 is five per cent. Amounts are integers that count units of one scale, whichever: they are added
//! exactly, and rounded once, where they are divided. What can be summed up part by part has a `then` and a value for no
//! parts, so that a tree of fixed shape gives the same bits however its points arrived. `then` is associative but for the
//! rounding of floats.

pub mod annualised;
pub mod attribution;
pub mod contribution;
pub mod currency;
pub mod daily;
pub mod day_count;
pub mod dietz;
pub mod legs;
pub mod linked;
pub mod money_weighted;
pub mod periods;
