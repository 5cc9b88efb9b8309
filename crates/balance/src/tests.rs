//! Strategies and judgement as callers see them.

mod health;
mod machine;
mod strategies;
