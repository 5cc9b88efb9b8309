//! Rules of BackendPolicy.
use super::Rules;
/// The rules of BackendPolicys.
pub struct BackendPolicy;
impl Rules for BackendPolicy {}
