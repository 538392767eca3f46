//! `GET /pages/{page}`: shows a page that users sign in on.
//!
//! The pages have no rights: they call the API, as every other client does. This function reads no table and no secret.

use api::{Anonymous, Endpoint, Error, Path, ProblemType, Published, Route, UseCase};
use cloud::{Cloud, SettingError};
use schemars::JsonSchema;
use serde::Deserialize;

/// Shows pages.
pub struct ShowPages;

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ShowPages>, SettingError> {
    Endpoint::public(cloud, ShowPages)
}

/// The page that the path names.
#[derive(Deserialize, JsonSchema)]
pub struct Page {
    page: String,
}

impl UseCase for ShowPages {
    const ROUTES: &'static [Route] = &[Route::get("/pages/{page}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Anonymous;
    type Request = Path<Page>;
    type Response = Published;

    async fn run(&self, _: Self::Caller, Path(path): Self::Request) -> Result<Self::Response, Error> {
        match path.page.as_str() {
            "sign-in" => Ok(Published::page(include_str!("../pages/sign-in.html"))),
            "sign-in.js" => Ok(Published::script(include_str!("../pages/sign-in.js"))),
            "style.css" => Ok(Published::style(include_str!("../pages/style.css"))),
            _ => Err(ProblemType::NotFound.into()),
        }
    }
}
