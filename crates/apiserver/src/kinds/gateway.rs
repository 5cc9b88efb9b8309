//! Rules of GatewayClass,Gateway,HttpRoute,ReferenceGrant.
use super::Rules;
/// The rules of GatewayClasss.
pub struct GatewayClass;
impl Rules for GatewayClass {}
/// The rules of Gateways.
pub struct Gateway;
impl Rules for Gateway {}
/// The rules of HttpRoutes.
pub struct HttpRoute;
impl Rules for HttpRoute {}
/// The rules of ReferenceGrants.
pub struct ReferenceGrant;
impl Rules for ReferenceGrant {}
