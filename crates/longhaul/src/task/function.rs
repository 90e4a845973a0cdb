//! Tasks that are functions.

use std::{
    fmt::{self, Display},
    marker::PhantomData,
};

use longhaul_core::Kind;
use longhaul_core::name::{NameError, is_name};

use super::{TaskOptions, TaskTypes};
use crate::payload::Payload;

/// The name and the four types of a task that is a function: metadata, execution metadata, result and error. All but
/// the first have defaults. As a constant it serves to register the function and to enqueue runs of it:
///
/// ```
/// use longhaul::TaskFn;
///
/// const WELCOME: TaskFn<String> = TaskFn::new("welcome"); // no execution metadata, no result, any error
/// const RESIZE: TaskFn<String, (), u64> = TaskFn::new("resize");
/// ```
///
/// A name that is known only at run time is checked then:
///
/// ```
/// use longhaul::TaskFn;
///
/// assert!(TaskFn::<String>::try_from("two words").is_err());
/// ```
pub struct TaskFn<M, X = (), R = (), E = crate::AnyError> {
    name: &'static str,
    version: u16,
    options: fn() -> TaskOptions,
    types: Types<M, X, R, E>,
}

/// Names the types without holding values of them.
type Types<M, X, R, E> = PhantomData<fn() -> (M, X, R, E)>;

impl<M: Payload, X: Payload + Default, R: Payload, E: Payload + Display> TaskTypes for TaskFn<M, X, R, E> {
    type Metadata = M;
    type ExecutionMetadata = X;
    type Output = R;
    type Error = E;
}

impl<M, X, R, E> TaskFn<M, X, R, E> {
    /// A function that is registered, and whose runs are stored, under `name`.
    ///
    /// # Panics
    /// When `name` cannot be the name of a kind. In a constant it does not compile then; use `TaskFn::try_from` for a
    /// name that is known only at run time.
    ///
    /// ```compile_fail,E0080
    /// const SPACED: longhaul::TaskFn<String> = longhaul::TaskFn::new("two words");
    /// # fn main() { println!("{SPACED:?}") }
    /// ```
    pub const fn new(name: &'static str) -> Self {
        assert!(is_name(name), "the name of a task is 1 to 128 ASCII letters, digits and any of - _ . : /");
        Self { name, version: 1, options: TaskOptions::default, types: PhantomData }
    }

    /// See [`Task::VERSION`](crate::Task::VERSION).
    #[must_use]
    pub const fn version(mut self, version: u16) -> Self {
        self.version = version;
        self
    }

    /// See [`Task::options`](crate::Task::options).
    #[must_use]
    pub const fn options(mut self, options: fn() -> TaskOptions) -> Self {
        self.options = options;
        self
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn code_version(&self) -> u16 {
        self.version
    }

    pub(crate) fn task_options(&self) -> TaskOptions {
        (self.options)()
    }
}

impl<M, X, R, E> Clone for TaskFn<M, X, R, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M, X, R, E> Copy for TaskFn<M, X, R, E> {}

impl<M, X, R, E> fmt::Debug for TaskFn<M, X, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskFn({})", self.name)
    }
}

impl<M, X, R, E> TryFrom<&'static str> for TaskFn<M, X, R, E> {
    type Error = NameError;

    fn try_from(name: &'static str) -> Result<Self, NameError> {
        Kind::new(name)?;
        Ok(Self::new(name))
    }
}
