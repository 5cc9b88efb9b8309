//! Rules of Instance.
use super::Rules;
/// The rules of Instances.
pub struct Instance;
impl Rules for Instance {}
