//! Failures of AWS calls, classified in one place.

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use thiserror::Error;

/// A failed call of AWS, with its error code, e.g. `ThrottlingException`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AwsError {
    /// There was no response, a 5xx, a throttle, or a conflict with another call. The same call may succeed
    /// later.
    #[error("{0}")]
    Transient(String),
    /// The call, its permissions or its target are wrong. The same call fails until an operator repairs that.
    #[error("{0}")]
    Final(String),
}

impl AwsError {
    /// Classifies an error of the SDK.
    pub fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ConstructionFailure(_) => Self::unmade(),
            SdkError::ServiceError(answer) => {
                let code = answer.err().code().unwrap_or("Unknown");
                let is_final = answer.raw().status().is_client_error() && !is_transient(code);
                (if is_final { Self::Final } else { Self::Transient })(code.to_owned())
            }
            _ => Self::Transient("NoAnswer".to_owned()),
        }
    }

    /// Returns the fault of a call that cannot be constructed.
    #[must_use]
    pub fn unmade() -> Self {
        Self::Final("ConstructionFailure".to_owned())
    }

    /// Returns the error code.
    #[must_use]
    pub fn into_code(self) -> String {
        let (Self::Transient(code) | Self::Final(code)) = self;
        code
    }

    /// Returns whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }
}

/// Returns whether the same call may succeed later after an error code: the SDK's codes for all of AWS, and
/// DynamoDB's code for conflicting transactions.
#[must_use]
pub fn is_transient(code: &str) -> bool {
    [THROTTLING_ERRORS, TRANSIENT_ERRORS, &["TransactionConflictException"]].concat().contains(&code)
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    fn answered(status: u16, code: &str) -> AwsError {
        let status = StatusCode::try_from(status).expect("a status");
        let error = ErrorMetadata::builder().code(code).build();
        AwsError::of(&SdkError::service_error(error, HttpResponse::new(status, SdkBody::empty())))
    }

    #[test]
    fn only_errors_that_need_a_repair_are_final() {
        for (status, code) in [
            (400, "ThrottlingException"),
            (400, "ProvisionedThroughputExceededException"),
            (400, "TransactionConflictException"),
            (400, "TransactionInProgressException"),
            (429, "TooManyRequestsException"),
            (400, "RequestTimeout"),
            (500, "InternalServerError"),
            (503, "AccessDeniedException"),
        ] {
            assert_eq!(answered(status, code), AwsError::Transient(code.to_owned()), "{status}");
        }
        for (status, code) in
            [(400, "AccessDeniedException"), (400, "ResourceNotFoundException"), (400, "ValidationException")]
        {
            assert_eq!(answered(status, code), AwsError::Final(code.to_owned()));
        }
        let not_answered = SdkError::<ErrorMetadata, _>::timeout_error("late");
        assert_eq!(AwsError::of(&not_answered), AwsError::Transient("NoAnswer".to_owned()));
        let not_made = SdkError::<ErrorMetadata, _>::construction_failure("without a table");
        assert_eq!(AwsError::of(&not_made), AwsError::Final("ConstructionFailure".to_owned()));
    }
}
