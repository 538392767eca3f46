//! Refreshing, seen from outside.

mod life;
mod refreshing;
