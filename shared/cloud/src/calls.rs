//! The HTTP client below the SDK, bound to an invocation: each attempt of a call is counted, and none
//! outlasts the invocation.

use std::time::Duration;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::HttpRequest,
        result::ConnectorError,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::config_bag::ConfigBag;

use crate::work::Work;

/// Kept back, so that the caller gets a response in time.
const TIME_TO_CONCLUDE: Duration = Duration::from_millis(300);
/// A call with less time is not started.
const SHORTEST_TIME: Duration = Duration::from_millis(50);

/// A client whose calls are counted and limited.
#[derive(Debug)]
pub(crate) struct Bounded<C>(pub(crate) C);

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(work) = Work::current() else { return self.0.call(request) };
        let time = work.deadline.left().saturating_sub(TIME_TO_CONCLUDE);
        if time < SHORTEST_TIME {
            return HttpConnectorFuture::ready(Err(no_time()));
        }
        let under_way = work.begin_call(is_retry(&request));
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = tokio::time::timeout(time, answer).await;
            drop(under_way);
            answer.unwrap_or_else(|_| Err(no_time()))
        })
    }
}

/// Returns an error of the kind that the SDK does not retry.
fn no_time() -> ConnectorError {
    ConnectorError::user("the invocation has no time left".into())
}

/// Returns whether a request is a retry. The SDK counts the attempts of a call in a header.
fn is_retry(request: &HttpRequest) -> bool {
    request.headers().get("amz-sdk-request").is_some_and(|attempt| !attempt.starts_with("attempt=1;"))
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}
