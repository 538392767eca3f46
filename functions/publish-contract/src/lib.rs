//! `GET /openapi.json`, `/problems` and `/problems/{slug}`: read the contract and the meaning of each
//! problem.

mod page;

use api::{Anonymous, Endpoint, Error, Nothing, ProblemType, Published, Route, UseCase};
use cloud::{Cloud, SettingError};

/// Generated from the types that parse the requests. A test compares the two.
const CONTRACT: &str = include_str!("../../../openapi.json");
const CONTRACT_PATH: &str = "/openapi.json";
const PROBLEMS_PATH: &str = "/problems";

/// Publishes the contract.
pub struct PublishContract;

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<PublishContract>, SettingError> {
    Endpoint::public(cloud, PublishContract)
}

impl UseCase for PublishContract {
    const ROUTES: &'static [Route] =
        &[Route::get(CONTRACT_PATH), Route::get(PROBLEMS_PATH), Route::get("/problems/{slug}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Anonymous;
    type Request = Nothing;
    type Response = Published;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        match caller.head.path.as_str() {
            CONTRACT_PATH => Ok(Published::json(CONTRACT)),
            PROBLEMS_PATH => Ok(Published::html(page::of_all())),
            path => {
                let slug = path.rsplit('/').next().unwrap_or_default();
                let problem = ProblemType::ALL.iter().find(|problem| problem.slug() == slug);
                Ok(Published::html(page::of(*problem.ok_or(ProblemType::NotFound)?)))
            }
        }
    }
}
