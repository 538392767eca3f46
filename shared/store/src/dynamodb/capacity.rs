//! What each call has used, as DynamoDB says in its answer: to ask costs nothing.

use aws_sdk_dynamodb::{
    Client,
    config::{
        Builder, ConfigBag, Intercept, RuntimeComponents,
        interceptors::{AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut},
    },
    error::BoxError,
    operation::{
        batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput},
        delete_item::{DeleteItemInput, DeleteItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemInput, PutItemOutput},
        query::{QueryInput, QueryOutput},
        scan::{ScanInput, ScanOutput},
        transact_get_items::{TransactGetItemsInput, TransactGetItemsOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};
use cloud::{Cloud, Units};

/// A client of the tables, whose units are in the line of the invocation.
pub(crate) fn counted_client(cloud: &Cloud) -> Client {
    let config = Builder::from(cloud.sdk()).retry_partition(cloud.retries()).interceptor(Counting);
    Client::from_conf(config.build())
}

#[derive(Debug)]
struct Counting;

/// Tries each of these operations: `$input` is asked for its units, those of `$output` count as `$units`.
macro_rules! operations {
    ($($input:ident $output:ident $units:ident;)*) => {
        impl Intercept for Counting {
            fn name(&self) -> &'static str {
                "Counting"
            }

            fn modify_before_serialization(
                &self,
                context: &mut BeforeSerializationInterceptorContextMut<'_>,
                _: &RuntimeComponents,
                _: &mut ConfigBag,
            ) -> Result<(), BoxError> {
                let input = context.input_mut();
                $(if let Some(input) = input.downcast_mut::<$input>() {
                    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
                })*
                Ok(())
            }

            fn read_after_deserialization(
                &self,
                context: &AfterDeserializationInterceptorContextRef<'_>,
                _: &RuntimeComponents,
                _: &mut ConfigBag,
            ) -> Result<(), BoxError> {
                // Of a call that is refused, DynamoDB does not say what it has used.
                let Ok(output) = context.output_or_error() else { return Ok(()) };
                $(if let Some(output) = output.downcast_ref::<$output>() {
                    cloud::put_units($units(output.consumed_capacity.as_slice()));
                })*
                Ok(())
            }
        }
    };
}

operations! {
    BatchWriteItemInput BatchWriteItemOutput written_each;
    DeleteItemInput DeleteItemOutput written;
    GetItemInput GetItemOutput read;
    PutItemInput PutItemOutput written;
    QueryInput QueryOutput read;
    ScanInput ScanOutput read;
    TransactGetItemsInput TransactGetItemsOutput read_each;
    TransactWriteItemsInput TransactWriteItemsOutput written_each;
    UpdateItemInput UpdateItemOutput written;
}

fn read(used: &[ConsumedCapacity]) -> Units {
    Units { read: sum(used), write: 0.0 }
}

fn read_each(used: &[Vec<ConsumedCapacity>]) -> Units {
    read(&used.concat())
}

fn written(used: &[ConsumedCapacity]) -> Units {
    Units { read: 0.0, write: sum(used) }
}

fn written_each(used: &[Vec<ConsumedCapacity>]) -> Units {
    written(&used.concat())
}

fn sum(used: &[ConsumedCapacity]) -> f64 {
    used.iter().filter_map(ConsumedCapacity::capacity_units).sum()
}
