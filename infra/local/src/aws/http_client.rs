//! The HTTP client under the AWS SDK. On AWS it speaks to the network; here it hands
//! each request to the services of this process.

use std::{fmt, sync::Arc};

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use super::{answer::Answer, cbor, s3, services::Services};
use crate::recorder::{
    calls::{Call, Fate, Made},
    permissions,
};

/// The HTTP client under the SDK of one function.
#[derive(Clone)]
pub(crate) struct LocalClient {
    function: Arc<str>,
    services: Arc<Services>,
}

impl LocalClient {
    pub(crate) fn of(function: &str, services: &Arc<Services>) -> Self {
        Self { function: function.into(), services: Arc::clone(services) }
    }

    async fn serve(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let (service, operation) = addressee(&request)?;
        let is_cbor = request.headers().get("smithy-protocol") == Some("rpc-v2-cbor");
        let mut body = request.body().bytes().unwrap_or_default().to_vec();
        if is_cbor {
            body = cbor::to_json(&body).unwrap_or_default().to_string().into_bytes();
        }
        if let ("s3", Some((_, about))) = (service, s3::operation(&request)) {
            body = about.to_string().into_bytes();
        }
        let answer = if self.services.watch.is_watched() {
            self.watched(service, operation, body).await?
        } else {
            self.services.answer(service, operation, body, Vec::new()).await
        };
        let answer = if is_cbor { answer.in_cbor() } else { answer };
        let status =
            StatusCode::try_from(answer.status).map_err(|error| ConnectorError::user(error.into()))?;
        Ok(HttpResponse::new(status, SdkBody::from(answer.body)))
    }

    async fn watched(
        &self,
        service: &'static str,
        operation: String,
        mut body: Vec<u8>,
    ) -> Result<Answer, ConnectorError> {
        let watch = &self.services.watch;
        let request: Value = serde_json::from_slice(&body).unwrap_or_default();
        let touches = permissions::of(service, &operation, &request, &self.services.template);
        let call = Call { function: self.function.to_string(), service, operation, touches, request };
        let request_bytes = body.len();
        let counts = watch.is_recorded() && permissions::has_capacity(&call);
        if counts {
            body = permissions::asking_for_capacity(&call.request);
        }
        let began = watch.tick();
        // As on a network, calls that are made at the same time are under way at the same time.
        tokio::task::yield_now().await;
        let mut outcome = self.meet_fate(watch.fate(&call), &call, body).await;
        let capacity = match &mut outcome {
            Ok(answer) if counts => permissions::take_capacity(&mut answer.body, &call.request),
            _ => Vec::new(),
        };
        watch.record(Made {
            call,
            status: outcome.as_ref().ok().map(|answer| answer.status),
            request_bytes,
            response_bytes: outcome.as_ref().map_or(0, |answer| answer.body.len()),
            capacity,
            span: (began, watch.tick()),
        });
        outcome
    }

    async fn meet_fate(&self, fate: Fate, call: &Call, body: Vec<u8>) -> Result<Answer, ConnectorError> {
        if let Fate::DoneLater(time) = fate {
            let (services, operation) = (Arc::clone(&self.services), call.operation.clone());
            let service = call.service;
            // A task of its own: whoever asked may be gone by then.
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                services.answer(service, operation, body, Vec::new()).await
            });
            return std::future::pending().await;
        }
        let done = |refused| self.services.answer(call.service, call.operation.clone(), body, refused);
        match fate {
            Fate::Proceed => Ok(done(Vec::new()).await),
            Fate::Delayed(time) => {
                tokio::time::sleep(time).await;
                Ok(done(Vec::new()).await)
            }
            Fate::After(event) => {
                event.await;
                Ok(done(Vec::new()).await)
            }
            Fate::Refused(refusal) => Ok(refusal.into()),
            Fate::Cancelled(reasons) => Ok(Answer::cancelled(&call.request, &reasons)),
            Fate::DoneBut(refusal) => {
                done(Vec::new()).await;
                Ok(refusal.into())
            }
            Fate::RequestLost => Err(lost("the request was lost")),
            Fate::AnswerLost => {
                done(Vec::new()).await;
                Err(lost("the answer was lost"))
            }
            Fate::EntriesRefused(positions) => Ok(done(positions).await),
            Fate::DoneLater(_) | Fate::Silence => std::future::pending().await,
        }
    }
}

fn lost(what: &'static str) -> ConnectorError {
    ConnectorError::io(what.into())
}

/// Which service and operation a request is for.
fn addressee(request: &HttpRequest) -> Result<(&'static str, String), ConnectorError> {
    let unknown = || {
        let what = format!("{} {} does not run locally", request.method(), request.uri());
        ConnectorError::user(what.into())
    };
    let Some(target) = request.headers().get("x-amz-target") else {
        if let Some((operation, _)) = s3::operation(request) {
            return Ok(("s3", operation.to_owned()));
        }
        let range = request.uri().strip_prefix("https://api.pwnedpasswords.com/range/");
        if let (Some(range), Some("true")) = (range, request.headers().get("add-padding")) {
            return Ok(("breaches", range.to_owned()));
        }
        if let Some(operation) = request.uri().split("/service/AWSEventsV2/operation/").nth(1) {
            return Ok(("events", operation.to_owned()));
        }
        let is_mail = request.method() == "POST" && request.uri().ends_with("/v2/email/outbound-emails");
        return if is_mail { Ok(("ses", "SendEmail".to_owned())) } else { Err(unknown()) };
    };
    let (prefix, operation) = target.split_once('.').ok_or_else(unknown)?;
    let service = match prefix {
        "DynamoDB_20120810" => "dynamodb",
        "DynamoDBStreams_20120810" => "streams",
        "AWSEvents" => "events",
        "secretsmanager" => "secretsmanager",
        _ => return Err(unknown()),
    };
    Ok((service, operation.to_owned()))
}

impl HttpConnector for LocalClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().serve(request))
    }
}

impl HttpClient for LocalClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for LocalClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalClient({})", self.function)
    }
}
