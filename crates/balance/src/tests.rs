//! Strategies and judgement as callers see them.

mod health;
mod strategies;
