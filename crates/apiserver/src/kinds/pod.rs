//! Rules of Pod.
use super::Rules;
/// The rules of Pods.
pub struct Pod;
impl Rules for Pod {}
