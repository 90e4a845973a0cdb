//! Single instants of a schedule: to be left out, moved and put back.

use longhaul_core::{
    ScheduleName, Timestamp, Timetable,
    schedule::{Exception, ExceptionError},
};

use super::{super::Request, Schedules};
use crate::schedule::{Row, ScheduleInfo, SchedulesError, check_size};

impl Schedules {
    /// One instant gets no run, is not missed and not made up for. All others stay as they are, and the schedule does not
    /// begin anew. One that was moved is named by either of its times. Await it; see [`Request`] for saying why and in
    /// whose name.
    ///
    /// It is kept beside what code declares, and outlives restarts. When the schedule gets another timing, what was said
    /// of instants that it does not have any more is dropped.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use longhaul::{Schedule, SchedulesError, Timestamp, doc::{Count, CountUp}};
    /// use std::time::Duration;
    ///
    /// let schedules = longhaul::doc::client().schedules();
    /// let hour = Duration::from_secs(3600);
    /// let info = schedules.create::<CountUp>("count", Schedule::every(hour), Count { to: 3 }).await?;
    /// let next = info.next()?.expect("it goes on forever");
    /// let info = schedules.skip_instant("count", next).acting_as("ann").because("the disk is swapped").await?;
    /// assert_eq!(info.next()?, Some(next.after(hour)));
    ///
    /// let refused = schedules.skip_instant("count", next.after(hour / 2)).await.unwrap_err();
    /// assert!(refused.to_string().contains("is no instant of it: those next to it are"), "{refused}");
    ///
    /// assert_eq!(schedules.restore_instant("count", next).await?.next()?, Some(next));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SchedulesError::Instant`]: the schedule has no such instant (it names those next to it), it was handled already,
    /// or as many as may be are left out or moved.
    pub fn skip_instant(
        &self,
        name: impl Into<String>,
        at: impl Into<Timestamp>,
    ) -> Request<'_, Result<ScheduleInfo, SchedulesError>> {
        self.except(name.into(), at.into(), None)
    }

    /// One instant comes at another time, once. Its run has the id that it has in any case, so that an instant gets one
    /// run, wherever it is moved. Otherwise as [`skip_instant`](Self::skip_instant).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use longhaul::{Schedule, doc::{Count, CountUp}};
    /// use std::time::Duration;
    ///
    /// let schedules = longhaul::doc::client().schedules();
    /// let hour = Duration::from_secs(3600);
    /// let info = schedules.create::<CountUp>("count", Schedule::every(hour), Count { to: 3 }).await?;
    /// let next = info.next()?.expect("it goes on forever");
    /// let info = schedules.move_instant("count", next, next.after(hour / 4)).because("the bank opens late").await?;
    /// let first = info.preview(1)?[0];
    /// assert_eq!((first.at, first.moved_from), (next.after(hour / 4), Some(next)));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`skip_instant`](Self::skip_instant); also when the new time is past, or another instant comes then.
    pub fn move_instant(
        &self,
        name: impl Into<String>,
        at: impl Into<Timestamp>,
        to: impl Into<Timestamp>,
    ) -> Request<'_, Result<ScheduleInfo, SchedulesError>> {
        self.except(name.into(), at.into(), Some(to.into()))
    }

    /// An instant that was left out or moved comes again when the schedule has it. One that was moved is named by either
    /// of its times.
    ///
    /// # Errors
    /// [`SchedulesError::Instant`]: nothing was said of it, its run is there, its time is past, or another one was moved to
    /// its time.
    pub async fn restore_instant(&self, name: &str, at: impl Into<Timestamp>) -> Result<ScheduleInfo, SchedulesError> {
        let at = at.into();
        self.edit_instant(name, |row, timetable, _| row.restore(timetable, at)).await
    }

    fn except(
        &self,
        name: String,
        at: Timestamp,
        to: Option<Timestamp>,
    ) -> Request<'_, Result<ScheduleInfo, SchedulesError>> {
        Request::new(&self.client.by, move |why, by| async move {
            let by = by.as_str().unwrap_or(super::super::NOBODY);
            let exception = Exception::new(at, to, by, why.as_deref());
            self.edit_instant(&name, |row, timetable, now| row.except(timetable, now, exception.clone())).await
        })
    }

    /// Changes what is said of single instants, against the timetable that the schedule has without that.
    async fn edit_instant(
        &self,
        name: &str,
        change: impl Fn(&mut Row, &Timetable, Timestamp) -> Result<(), ExceptionError>,
    ) -> Result<ScheduleInfo, SchedulesError> {
        self.edit(name, |name: &ScheduleName, row, now| {
            let refused = |error| SchedulesError::Timetable { name: name.clone(), error };
            let timetable = row.schedule.timetable().map_err(refused)?;
            change(row, &timetable, now).map_err(|error| SchedulesError::Instant { name: name.clone(), error })?;
            check_size(name, row)
        })
        .await
    }
}
