//! The counts of the items in a place, and checksums that do not depend on their order.

use std::{cell::RefCell, fmt, time::Duration};

use cloud::Clock;
use domain::Timestamp;
use serde_json::{Value, json};
use store::{Kind, RawItem, Table};

use super::place::{Place, Source, Tables};
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
    stack::Account,
};

/// Items that the table may delete during a comparison are not compared.
const COMPARED_FOR: Duration = Duration::from_hours(1);

/// The sum of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) items: u64,
    /// The sum of the items' digests, in four parts.
    digest: [u64; 4],
}

/// The sums of both tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums([Sum; 2]);

impl Sum {
    fn add(&mut self, item: &RawItem) {
        self.items += 1;
        for (sum, part) in self.digest.iter_mut().zip(item.digest().chunks_exact(8)) {
            // Each chunk has eight bytes.
            *sum = sum.wrapping_add(u64::from_be_bytes(part.try_into().unwrap_or_default()));
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digest.iter().try_for_each(|part| write!(f, "{part:016x}"))
    }
}

impl Sums {
    pub(crate) fn add(&mut self, item: &RawItem) {
        self.0[item.table() as usize].add(item);
    }

    pub(crate) const fn of(&self, table: Table) -> Sum {
        self.0[table as usize]
    }

    pub(crate) fn json(&self) -> Value {
        let one = |table: Table| {
            let sum = self.of(table);
            (table.name().to_owned(), json!({"items": sum.items, "checksum": sum.to_string()}))
        };
        Value::Object(Table::ALL.into_iter().map(one).collect())
    }

    /// Sums the wanted items of a place, without those that may expire in the meantime.
    pub(crate) async fn in_place(
        source: &Source,
        now: Timestamp,
        is_wanted: impl Fn(Kind) -> bool,
    ) -> Result<Self, CliError> {
        let sums = Summing::new(now, is_wanted);
        source
            .visit(async |items| {
                sums.add(&items);
                Ok(())
            })
            .await?;
        Ok(sums.sums.into_inner())
    }

    /// Sums the items of two tables in the same way.
    pub(crate) async fn in_tables(
        tables: &Tables,
        now: Timestamp,
        is_wanted: impl Fn(Kind) -> bool,
    ) -> Result<Self, CliError> {
        let sums = Summing::new(now, is_wanted);
        tables
            .visit(async |items| {
                sums.add(&items);
                Ok(())
            })
            .await?;
        Ok(sums.sums.into_inner())
    }
}

/// Sums in progress.
struct Summing<F> {
    sums: RefCell<Sums>,
    progress: Progress,
    horizon: Timestamp,
    is_wanted: F,
}

impl<F: Fn(Kind) -> bool> Summing<F> {
    fn new(now: Timestamp, is_wanted: F) -> Self {
        let (sums, horizon) = (RefCell::default(), now.plus(COMPARED_FOR));
        Self { sums, progress: Progress::of("items checked"), horizon, is_wanted }
    }

    fn add(&self, items: &[RawItem]) {
        self.progress.add(items.len());
        let mut sums = self.sums.borrow_mut();
        let is_compared = |item: &&RawItem| (self.is_wanted)(item.kind()) && !item.expires_by(self.horizon);
        items.iter().filter(is_compared).for_each(|item| sums.add(item));
    }
}

/// Prints the counts and checksums of a place.
pub(super) async fn run(place: &Place, account: &Account, report: &Report) -> Result<ExitCode, CliError> {
    let now = Clock::system().now();
    let sums = Sums::in_place(&place.source(account).await?, now, |kind| kind != Kind::Machinery).await?;
    for table in Table::ALL {
        let sum = sums.of(table);
        report.line(&format!("{:<10} {:>9} items  {sum}", table.name(), sum.items));
    }
    report.document(sums.json());
    Ok(ExitCode::Done)
}
