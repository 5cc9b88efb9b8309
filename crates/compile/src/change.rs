//! What sources say: objects that came or went, and that a list is complete.

use std::sync::Arc;

use api::Meta;
use api::Object as _;

/// One thing that happened to the World.
#[derive(Clone, Debug)]
pub enum Change {
    /// The object is there, and is now this.
    Upsert(Object),
    /// The object is gone.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Empty for objects outside namespaces.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
    /// The first complete list of this kind was delivered.
    Synced(Kind),
}

/// Declares [`Kind`] and [`Object`] from one list, so that they cannot disagree.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident: $type:ty,)+) => {
        /// The kinds of objects a World is made of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[$doc])* $variant,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Kind] = &[$(Kind::$variant,)+];

            /// As Kubernetes spells it: `HTTPRoute`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Kind::$variant => <$type>::KIND,)+
                }
            }
        }

        /// An object of any of the kinds.
        #[derive(Clone, Debug)]
        pub enum Object {
            $($(#[$doc])* $variant(Arc<$type>),)+
        }

        impl Object {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Object::$variant(_) => Kind::$variant,)+
                }
            }

            /// Its metadata.
            pub fn meta(&self) -> &Meta {
                match self {
                    $(Object::$variant(object) => object.meta(),)+
                }
            }
        }

        $(impl From<$type> for Object {
            fn from(object: $type) -> Self {
                Object::$variant(Arc::new(object))
            }
        })+
    };
}

kinds! {
    /// A Service.
    Service: api::Service,
    /// An EndpointSlice.
    EndpointSlice: api::EndpointSlice,
    /// A Node.
    Node: api::Node,
    /// A Pod.
    Pod: api::Pod,
    /// A Namespace.
    Namespace: api::Namespace,
    /// An Instance.
    Instance: api::Instance,
    /// A BackendPolicy.
    BackendPolicy: api::BackendPolicy,
    /// A Secret with a certificate.
    Secret: api::Secret,
    /// A ConfigMap with authorities.
    ConfigMap: api::ConfigMap,
    /// An Ingress.
    Ingress: api::Ingress,
    /// An IngressClass.
    IngressClass: api::IngressClass,
    /// A GatewayClass.
    GatewayClass: api::GatewayClass,
    /// A Gateway.
    Gateway: api::Gateway,
    /// An HTTPRoute.
    HttpRoute: api::HttpRoute,
    /// A BackendTLSPolicy.
    BackendTlsPolicy: api::BackendTlsPolicy,
    /// A ReferenceGrant.
    ReferenceGrant: api::ReferenceGrant,
}

impl Change {
    /// Shorthand: this object is there now.
    pub fn upsert(object: impl Into<Object>) -> Self {
        Change::Upsert(object.into())
    }
}
