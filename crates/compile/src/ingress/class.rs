//! Which Ingresses are ours (ingress spec I1, I2).

use std::collections::BTreeMap;
use std::sync::Arc;

use api::decided::INGRESS_CONTROLLER;
use api::{Ingress, IngressClass};
use model::Origin;

use crate::Diagnostic;

/// The annotation from before there were classes; still honoured.
const ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The class an Ingress names, in its field or else in the old annotation.
pub(super) fn named(ingress: &Ingress) -> Option<Arc<str>> {
    let field = ingress.spec.ingress_class_name.clone().filter(|name| !name.is_empty());
    field.or_else(|| ingress.metadata.annotation(ANNOTATION).filter(|name| !name.is_empty()).map(Into::into))
}

/// Whether its class is ours. One that names two classes is nobody's; one that names none is ours only `without_class`.
pub(super) fn serves(ingress: &Ingress, classes: &BTreeMap<Arc<str>, Arc<IngressClass>>, without_class: bool) -> Result<bool, Diagnostic> {
    let ours = |name: &str| classes.get(name).is_some_and(|class| *class.spec.controller == *INGRESS_CONTROLLER);
    let Some(name) = named(ingress) else { return Ok(without_class) };
    match ingress.metadata.annotation(ANNOTATION).filter(|other| !other.is_empty() && **other != *name) {
        Some(other) if ours(&name) || ours(other) => Err(Diagnostic {
            origin: Origin::new("Ingress", Arc::clone(&ingress.metadata.namespace), Arc::clone(&ingress.metadata.name)),
            reason: "TwoClasses",
            message: format!("spec.ingressClassName is {name} and annotation {ANNOTATION} is {other}; remove one").into(),
        }),
        Some(_) => Ok(false),
        None => Ok(ours(&name)),
    }
}

/// What is wrong with a class of ours.
pub(super) fn complaint(class: &IngressClass) -> Option<Diagnostic> {
    let wrong = *class.spec.controller == *INGRESS_CONTROLLER && class.spec.parameters.is_some();
    wrong.then(|| Diagnostic {
        origin: Origin::new("IngressClass", "", Arc::clone(&class.metadata.name)),
        reason: "ParametersUnsupported",
        message: "spec.parameters is not supported and has no effect; remove it".into(),
    })
}
