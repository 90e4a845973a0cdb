//! One macro for the traits of the port, so that what only passes calls on follows from the trait.

/// Defines a trait of the port, and with it:
/// - `Call::Name` for each method, which is written before it;
/// - the trait for `Arc<S>` and `Box<S>`;
/// - the macro that [`forward_store!`](crate::forward_store) expands to for this trait.
///
/// The types in signatures have to be at the root of the crate or in `store`: that is where the macro looks for them in other
/// crates. `($)` is the token that the macro within the macro needs.
macro_rules! port {
    (
        ($d:tt) $forward:ident;
        $(#[doc = $about:expr])*
        pub trait $name:ident {
            $(
                $(#[doc = $doc:expr])*
                $call:ident: async fn $method:ident(&self $(, $arg:ident: $ty:ty)* $(,)?) -> $answer:ty;
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[async_trait::async_trait]
        pub trait $name: Send + Sync + 'static {
            $(
                $(#[doc = $doc])*
                async fn $method(&self $(, $arg: $ty)*) -> $answer;
            )*
        }

        #[allow(non_upper_case_globals, reason = "they are used as the variants of an enum would be")]
        impl $crate::store::Call {
            $(
                #[doc = concat!("[`", stringify!($name), "::", stringify!($method), "`](crate::store::", stringify!($name), "::", stringify!($method), ").")]
                pub const $call: Self = Self(stringify!($method));
            )*
        }

        port! { @pointer [std::sync::Arc] $name $($method($($arg: $ty),*) -> $answer;)* }
        port! { @pointer [std::boxed::Box] $name $($method($($arg: $ty),*) -> $answer;)* }

        #[doc(hidden)]
        #[macro_export]
        macro_rules! $forward {
            ($d store:ty, $d pass:ident) => {
                const _: () = {
                    use $crate::{*, store::*};

                    #[$crate::store::async_trait]
                    impl $name for $d store {
                        $(
                            async fn $method(&self $(, $arg: $ty)*) -> $answer {
                                $d pass!(self, $call, $method($($arg),*))
                            }
                        )*
                    }
                };
            };
        }
    };

    // Without another box around the future of the store inside.
    (@pointer [$($pointer:tt)*] $name:ident $($method:ident($($arg:ident: $ty:ty),*) -> $answer:ty;)*) => {
        impl<S: $name + ?Sized> $name for $($pointer)*<S> {
            $(
                fn $method<'life0, 'async_trait>(
                    &'life0 self,
                    $($arg: $ty),*
                ) -> std::pin::Pin<Box<dyn Future<Output = $answer> + Send + 'async_trait>>
                where
                    'life0: 'async_trait,
                    Self: 'async_trait,
                {
                    (**self).$method($($arg),*)
                }
            )*
        }
    };
}
