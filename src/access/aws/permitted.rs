//! What one principal may do, by service and access level.

use muster_effective::aws::answer::Layer;
use muster_effective::aws::estate::PrincipalIx;
use muster_effective::aws::evaluate::Evaluate as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::Place;
use super::question::{LastUse, last_use};
use crate::graph::Graph;

/// The layers that were regarded. What the policy of a resource grants is asked of that resource: who can do this on that.
const LAYERS: [Layer; 4] = [Layer::Identity, Layer::Boundary, Layer::Scp, Layer::Rcp];

/// Their names.
pub(crate) fn layers() -> Vec<&'static str> {
    LAYERS.iter().map(|layer| layer.as_str()).collect()
}

/// Everything that one principal may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Effective {
    /// Its ARN.
    pub principal: String,
    /// The layers of policies that were regarded; what a policy of a resource grants by itself is not among them.
    pub layers: Vec<&'static str>,
    /// By service and access level.
    pub permissions: Vec<OfService>,
    /// Patterns of its policies that match no action of the reference data.
    pub unknown: Vec<String>,
    /// What was not read: there may be more or less.
    pub unread: Vec<String>,
}

/// Actions of one service and one access level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OfService {
    /// Prefix of the service.
    pub service: String,
    /// `List`, `Read`, `Write`, `Tagging` or `Permissions management`.
    pub level: &'static str,
    /// Actions that are allowed on something, under no condition.
    pub allowed: u32,
    /// Actions that are allowed at most: under a condition, or as far as other layers allow the same resource.
    pub allowed_if: u32,
    /// The widest pattern of resources that grants any of them.
    pub widest: String,
    /// When the principal last used the service; `None`: not collected.
    pub last_use: Option<LastUse>,
}

/// What a principal's own policies allow within its boundary and what its organisation allows, to it and of its resources.
pub(crate) fn effective(graph: &Graph, place: &Place, who: PrincipalIx) -> Effective {
    let permissions = place.compiled.actions_of(who);
    let node = place.nodes[who as usize];
    let of_service = permissions.by_service.iter().map(|one| OfService {
        service: one.service.to_string(),
        level: one.level.as_str(),
        allowed: one.allowed,
        allowed_if: one.allowed_if,
        widest: one.widest.to_string(),
        last_use: last_use(graph, node, &one.service),
    });
    Effective {
        principal: place.compiled.estate().principals[who as usize].arn.to_string(),
        layers: layers(),
        permissions: of_service.collect(),
        unknown: permissions.unknown.iter().map(ToString::to_string).collect(),
        unread: permissions.unread.iter().map(ToString::to_string).collect(),
    }
}
