//! What the template deploys, as far as it matters on one machine.
//!
//! The template is the one source of truth for functions, routes, tables, streams, queues, rules
//! and schedules. What is in it and not understood here is refused, never skipped: a deployment
//! that differs from the laptop is found before it is deployed.

mod browsers;
mod error;
mod intrinsics;
mod model;
mod names;
mod pattern;
mod resources;
mod rights;
mod sources;
mod stored;
mod yaml;

use serde_json::Value;

pub use browsers::Cors;
pub use error::TemplateError;
pub use intrinsics::Parameters;
pub use model::{
    DEFAULT_BUS, DeployedFunction, GeneratedSecret, QueueResource, QueueSource, Route, Rule, Schedule,
    StreamSource, Table, Template,
};
pub(crate) use names::{ACCOUNT, REGION, arn_of, id_of};
pub use pattern::Pattern;
pub use rights::{Right, rights};

/// The template of this build. It is compiled in, like the functions that it deploys: the two
/// always belong together, and the command works in any directory.
pub const OF_THIS_BUILD: &str = include_str!("../../../../template.yaml");

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] if it is no template, or has something that does not run locally.
    pub fn read(text: &str, parameters: &Parameters) -> Result<Self, TemplateError> {
        let document = yaml::read(text)?;
        let scope = intrinsics::Scope::new(&document, parameters)?;
        let template = resources::read(&document, &scope)?;
        template.check_names()?;
        Ok(template)
    }
}

/// The template as it is written, its functions as `Fn::…` members.
///
/// # Errors
/// If the text is not YAML.
pub fn document(text: &str) -> Result<Value, TemplateError> {
    yaml::read(text)
}

/// The logical id of the function that is deployed from a folder: `ReadProfile` of `read-profile`.
#[must_use]
pub fn logical_id(folder: &str) -> String {
    let words = folder.split('-').filter_map(|word| word.split_at_checked(1));
    words.map(|(first, rest)| first.to_ascii_uppercase() + rest).collect()
}
