//! The checks of functions: their settings and memory.

use cloud::{Cloud, Settings};
use local::{functions::build_of, template::DeployedFunction};
use serde_json::Value;

use super::check::{Check, Remedy};

const SETTINGS: Remedy = Remedy(
    "change the parameter; if the template lacks it, deploy the template of this build",
    "docs/operate/configuration.md",
);

/// Wires a function as at its start, so that the function checks its settings itself.
pub(crate) fn wired(name: &str, cloud: &Cloud) -> Result<(), String> {
    let build = build_of(name).ok_or_else(|| "this build has no such function".to_owned())?;
    build(cloud).map(drop).map_err(|error| error.to_string())
}

/// Checks a function with the settings of `cloud`.
pub(crate) fn settings(name: &str, cloud: &Cloud) -> Check {
    let usable = || "usable settings".to_owned();
    Check::outcome(format!("function {name}"), usable(), wired(name, cloud).map(|()| usable()), SETTINGS)
}

/// Checks a function in the response of `GetFunctionConfiguration`.
pub(crate) fn deployed(account: &Cloud, name: &str, wanted: &DeployedFunction, found: &Value) -> Check {
    let mut problems = Vec::new();
    // A function that is not called for weeks becomes inactive, and active again with the next call.
    for (field, good) in
        [("State", ["Active", "Inactive"]), ("LastUpdateStatus", ["Successful", "InProgress"])]
    {
        let state = found[field].as_str().unwrap_or(good[0]);
        if !good.contains(&state) {
            problems.push(format!("it is {state}"));
        }
    }
    let memory = found["MemorySize"].as_u64().unwrap_or_default();
    if memory < wanted.memory {
        problems.push(format!("{memory} MB"));
    }
    if let Err(problem) = wired(name, &account.with_settings(environment(found))) {
        problems.push(problem);
    }
    let well = |memory: u64| format!("active, {memory} MB, usable settings");
    let found = if problems.is_empty() { Ok(well(memory)) } else { Err(problems.join(", ")) };
    Check::outcome(format!("function {name}"), well(wanted.memory), found, SETTINGS)
}

/// Returns the settings of a deployed function, without those of its local disk.
pub(crate) fn environment(found: &Value) -> Settings {
    let variables = found["Environment"]["Variables"].as_object().into_iter().flatten();
    let texts = variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    texts.filter(|(name, _)| name != "MAIL_TEMPLATES").collect()
}

#[cfg(test)]
mod tests {
    use local::Stack;
    use serde_json::json;

    use super::*;
    use crate::doctor::check::Severity;

    #[test]
    fn the_functions_accept_the_strongest_hash_of_the_template_and_no_stronger_one() {
        let wired_with = |memory: &str, iterations: &str| {
            let setup = Stack::memory().with_parameter("Argon2MemoryKib", memory);
            let stack = setup.with_parameter("Argon2Iterations", iterations).start().expect("it starts");
            wired("log-in", &stack.cloud("log-in").expect("its settings"))
        };
        let parameters =
            local::template::OF_THIS_BUILD.split_once("Argon2MemoryKib:\n    Type").expect("it").1;
        let most: Vec<_> = parameters.split("MaxValue: ").skip(1).take(2).collect();
        let most = |n: usize| most[n].lines().next().unwrap_or_default();

        assert_eq!(wired_with(most(0), most(1)), Ok(()));
        let too_much = wired_with("65537", "2").expect_err("refused");
        assert!(too_much.contains("at most m=65536 KiB, t=10"), "{too_much}");
    }

    #[test]
    fn a_function_with_too_little_memory_a_failed_update_or_a_missing_setting_is_found() {
        let template = Stack::memory().template().expect("the template");
        let wanted = &template.functions["log-in"];
        let account = Cloud::of_environment();
        let function = |change: (&str, Value)| {
            let mut found = json!({
                "State": "Active", "LastUpdateStatus": "Successful", "MemorySize": 1769,
                "Environment": {"Variables": wanted.settings},
            });
            found[change.0] = change.1;
            deployed(&account, "log-in", wanted, &found)
        };
        let mut lacking = wanted.settings.clone();
        lacking.remove("AUDIENCE");

        assert_eq!(function(("State", json!("Active"))).severity, Severity::Ok);
        for change in [
            ("State", json!("Failed")),
            ("LastUpdateStatus", json!("Failed")),
            ("MemorySize", json!(128)),
            ("Environment", json!({"Variables": lacking})),
        ] {
            assert_eq!(function(change.clone()).severity, Severity::Error, "{change:?}");
        }
    }
}
