//! Schedules of kinds that are known by name only: for dashboards and command lines.

use longhaul_core::{NewRun, Schedule, ScheduleName};
use serde_json::Value;

use super::{ChangeSchedule, Schedules};
use crate::{
    schedule::{Declared, Row, ScheduleInfo, SchedulesError},
    schema::Marks,
};

impl Schedules {
    /// Makes a schedule that enqueues runs like this one, which [`Views::new_run`](crate::Views::new_run) makes from JSON.
    /// What belongs to one run only is left out: its id, when it is due and expires, its unique key, its trace, its
    /// execution metadata, and who enqueued it.
    ///
    /// ```
    /// use longhaul::{Client, Schedule, Views, doc::CountUp};
    /// use serde_json::json;
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = longhaul::doc::client().with_views(Views::new().task::<CountUp>());
    /// let run = client.views().new_run("count-up", &json!({ "to": 3 }))?;
    /// let hourly = Schedule::every(Duration::from_secs(3600));
    /// let info = client.schedules().create_from_run("count", hourly, run).await?;
    /// assert_eq!(info.metadata::<CountUp>()?.to, 3);
    ///
    /// let info = client.schedules().change("count").metadata_json(json!({ "to": 4 })).await?;
    /// assert_eq!(info.metadata::<CountUp>()?.to, 4);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn create_from_run(
        &self,
        name: &str,
        schedule: Schedule,
        run: NewRun,
    ) -> Result<ScheduleInfo, SchedulesError> {
        self.make(Declared::of_run(name, schedule, run)?).await
    }
}

impl ChangeSchedule {
    /// The metadata of the runs to come, made from JSON by the client's [views](crate::Client::views). Refused if they do
    /// not have the kind of the schedule's runs.
    pub fn metadata_json(mut self, metadata: Value) -> Self {
        let views = self.schedules.client.views().clone();
        let put = move |name: &ScheduleName, row: &mut Row| {
            let run = views.new_run(row.runs.kind.as_str(), &metadata);
            let run = run.map_err(|error| SchedulesError::Runs { name: name.clone(), error: error.into() })?;
            let marks = views.schema(row.runs.kind.as_str()).map(|schema| Marks::of(&schema.metadata));
            row.runs.tags.retain(|tag| !marks.as_ref().is_some_and(|marks| marks.gives(&tag.key)));
            row.runs.tags.extend(run.tags.iter().cloned());
            row.runs.metadata = run.metadata;
            row.runs.version = run.version;
            row.runs.check().map_err(|error| SchedulesError::Runs { name: name.clone(), error })
        };
        self.what.metadata = Some(Box::new(put));
        self
    }
}
