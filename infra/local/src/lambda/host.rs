//! The environments in which functions run.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use cloud::{Clock, Cloud, Deadline, Invocation, Line, Log, Random, Settings};
use tokio::sync::broadcast;

use super::limits::{InvocationType, MAX_RESPONSE_BYTES};
use crate::{
    activity::News,
    aws::{Services, http_client::LocalClient, s3},
    functions::{Build, CallFailed, Environment},
    template::{DeployedFunction, REGION},
};

/// The means by which functions run.
pub(crate) struct HostParts {
    pub(crate) functions: Vec<(&'static str, Build)>,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) log: Arc<dyn Fn(&Line) + Send + Sync>,
    pub(crate) is_patient: bool,
    pub(crate) news: broadcast::Sender<News>,
}

/// Invokes functions, and reports trouble.
pub(crate) struct Host {
    services: Arc<Services>,
    log: Log,
    functions: Vec<(&'static str, Build)>,
    clouds: BTreeMap<String, Cloud>,
    mounted: BTreeMap<String, OnceLock<Arc<Environment>>>,
    news: broadcast::Sender<News>,
}

impl Host {
    pub(crate) fn new(services: &Arc<Services>, parts: HostParts) -> Self {
        let HostParts { functions, clock, random, log, is_patient, news } = parts;
        let services = Arc::clone(services);
        let log = collecting_metrics(&services, log);
        let template = Arc::clone(&services.template);
        let mounted = template.functions.keys().map(|name| (name.clone(), OnceLock::new())).collect();
        let mut host = Self { services, log, functions, clouds: BTreeMap::new(), mounted, news };
        for (name, deployed) in &template.functions {
            let cloud = host.wire(name, deployed, REGION, clock.clone(), random.clone());
            host.clouds.insert(name.clone(), if is_patient { cloud.patient() } else { cloud });
        }
        host
    }

    /// Returns what a function is wired from, as the template configures it.
    pub(crate) fn cloud(&self, function: &str) -> Result<Cloud, CallFailed> {
        let cloud = self.clouds.get(function).cloned();
        cloud.ok_or_else(|| CallFailed::NoSuchFunction(function.to_owned()))
    }

    /// Returns what one more environment of a function is wired from.
    pub(crate) fn environment(
        &self,
        function: &str,
        region: &str,
        clock: Clock,
        random: Random,
    ) -> Result<Cloud, CallFailed> {
        let deployed = self.services.template.functions.get(function);
        let deployed = deployed.ok_or_else(|| CallFailed::NoSuchFunction(function.to_owned()))?;
        Ok(self.wire(function, deployed, region, clock, random))
    }

    fn wire(
        &self,
        function: &str,
        deployed: &DeployedFunction,
        region: &str,
        clock: Clock,
        random: Random,
    ) -> Cloud {
        let sdk = [
            ("AWS_REGION", region),
            ("AWS_ACCESS_KEY_ID", function),
            ("AWS_SECRET_ACCESS_KEY", s3::SECRET),
            ("AWS_ENDPOINT_URL_S3", &self.services.uploads.endpoint),
            ("AWS_LAMBDA_FUNCTION_NAME", function),
        ];
        let sdk = sdk.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings: Settings = deployed.settings.clone().into_iter().chain(sdk).collect();
        let http = SharedHttpClient::new(LocalClient::of(function, &self.services));
        Cloud::new(settings, http, clock, random, self.log.clone())
    }

    pub(crate) async fn invoke(
        &self,
        function: &str,
        kind: InvocationType,
        event: String,
    ) -> Result<String, CallFailed> {
        if event.len() > kind.max_request_bytes() {
            return Err(CallFailed::RequestTooLarge(function.to_owned()));
        }
        let mounted = self.mounted(function)?;
        let deployed = self.services.template.functions.get(function);
        let timeout = deployed.map_or(Duration::ZERO, |deployed| deployed.timeout);
        let invocation = Invocation {
            id: Random::system().uuid().to_string(),
            xray: None,
            deadline: Deadline::after(timeout),
        };
        // A task of its own: a panic ends only this call, and who asked may go away meanwhile.
        let mut call = tokio::spawn(async move { mounted.call(event, invocation).await });
        match tokio::time::timeout(timeout, &mut call).await {
            Ok(Ok(Ok(answer))) if answer.len() > MAX_RESPONSE_BYTES => {
                Err(CallFailed::ResponseTooLarge(function.to_owned()))
            }
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CallFailed::Panicked(function.to_owned())),
            Err(_) => {
                call.abort();
                Err(CallFailed::TimedOut(function.to_owned()))
            }
        }
    }

    /// Wires every function of the template and lets each prepare itself.
    pub(crate) async fn warm(&self) -> Result<(), CallFailed> {
        let functions = self.services.template.functions.keys();
        let mounted = functions.map(|name| self.mounted(name)).collect::<Result<Vec<_>, _>>()?;
        futures_util::future::join_all(mounted.iter().map(|function| function.warm())).await;
        Ok(())
    }

    pub(crate) fn report_trouble(&self, what: &str) {
        let _ = self.news.send(News::Trouble(what.to_owned()));
    }

    /// Returns the function, and wires it when it is first needed.
    fn mounted(&self, function: &str) -> Result<Arc<Environment>, CallFailed> {
        let missing = || CallFailed::NoSuchFunction(function.to_owned());
        let cell = self.mounted.get(function).ok_or_else(missing)?;
        if let Some(mounted) = cell.get() {
            return Ok(Arc::clone(mounted));
        }
        let build = self.functions.iter().find(|(name, _)| *name == function).ok_or_else(missing)?.1;
        let mounted = Arc::new(Environment::start(function, build, &self.cloud(function)?)?);
        Ok(Arc::clone(cell.get_or_init(|| mounted)))
    }
}

/// What CloudWatch would take: the lines, and of each metric the newest value.
fn collecting_metrics(services: &Arc<Services>, reader: Arc<dyn Fn(&Line) + Send + Sync>) -> Log {
    let services = Arc::clone(services);
    Log::of(move |line| {
        let mut metrics = services.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.extend(line.metrics().iter().map(|metric| (metric.name, metric.value)));
        drop(metrics);
        reader(line);
    })
}
