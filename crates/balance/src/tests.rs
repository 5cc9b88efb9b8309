//! Strategies and judgement as callers see them.

mod agents;
mod health;
mod limits;
mod machine;
mod strategies;
