//! What the analyser takes for the engine's procedural macros. It is never compiled: only its types count.

/// Turns a call into a task: nothing runs, and the value of the call becomes a `Delayed`.
///
/// The call is a function, a closure in parentheses, or a method. An argument is a value, a `Delayed`, or a collection
/// of them; `&x` goes by reference, `x` is cloned, `{x}` is given away. A function that returns a `Result` gives a
/// `Delayed` of its `Ok`; an `Err` fails the compute.
#[macro_export]
macro_rules! delayed {
    ($call:expr) => {{
        struct __Call<R>(R);
        impl<T, E> __Call<::core::result::Result<T, E>> {
            fn __value(self) -> ::taskloom::Delayed<T> {
                loop {}
            }
        }
        trait __Plain<R> {
            fn __value(self) -> ::taskloom::Delayed<R>;
        }
        impl<R> __Plain<R> for __Call<R> {
            fn __value(self) -> ::taskloom::Delayed<R> {
                loop {}
            }
        }
        __Call($call).__value()
    }};
}
