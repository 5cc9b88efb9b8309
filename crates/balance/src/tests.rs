//! Strategies and judgement as callers see them.

mod agents;
mod health;
mod machine;
mod strategies;
