//! The family of a device, by which its owner recognizes it.

use serde::Serialize;

/// The browser and system of a device, such as `Firefox, Windows`. Both come from fixed lists, so no text of
/// the client is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceFamily {
    browser: Option<&'static str>,
    system: Option<&'static str>,
}

/// A part of a `User-Agent` and the name for it. The first match counts, since most browsers name others too.
type Known = (&'static str, &'static str);

const BROWSERS: [Known; 13] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("okhttp/", "OkHttp"),
];
const SYSTEMS: [Known; 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Darwin/", "Apple"),
    ("Linux", "Linux"),
];

impl DeviceFamily {
    /// The name of the field in events.
    pub(crate) const FIELD: &'static str = "device";

    /// Returns the family that a `User-Agent` names; `None` if it is unknown.
    #[must_use]
    pub fn from_user_agent(user_agent: &str) -> Option<Self> {
        let find =
            |known: &[Known]| known.iter().find(|(part, _)| user_agent.contains(part)).map(|(_, name)| *name);
        let family = Self { browser: find(&BROWSERS), system: find(&SYSTEMS) };
        (family.browser.is_some() || family.system.is_some()).then_some(family)
    }
}

impl std::fmt::Display for DeviceFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => write!(f, "{browser}, {system}"),
            (browser, system) => f.write_str(browser.or(system).unwrap_or_default()),
        }
    }
}

impl Serialize for DeviceFamily {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for DeviceFamily {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DeviceFamily".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_browser_and_system() {
        let cases = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
                Some("Firefox, Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 \
                 Safari/537.36 Edg/142.0.0.0",
                Some("Edge, Windows"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/26.0 Safari/605.1.15",
                Some("Safari, macOS"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 CriOS/142.0 Mobile/15E148 Safari/604.1",
                Some("Chrome, iPhone"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile \
                 Safari/537.36",
                Some("Chrome, Android"),
            ),
            ("curl/8.5.0", Some("curl")),
            ("MyApp (Linux)", Some("Linux")),
            ("https://evil.example", None),
            ("", None),
        ];
        for (user_agent, named) in cases {
            let family = DeviceFamily::from_user_agent(user_agent).map(|family| family.to_string());
            assert_eq!(family.as_deref(), named, "{user_agent}");
        }
    }
}
