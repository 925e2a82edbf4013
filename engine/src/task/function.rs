//! A plain function with a tuple of arguments, as a task: what `submit` and a graph built by hand take.

use std::sync::Arc;

use super::call::{ByValue, Call, Kept};
use super::{Fetch, Finished, Plan, Registered, Site, Slot, Step};
use crate::delayed::Delayed;

/// A function of up to eight arguments; `A` is the tuple of their types.
///
/// Implemented for every `Fn` whose arguments and result can be shared between threads.
pub trait Function<A>: Send + Sync + 'static {
    /// What it returns.
    type Output: Send + Sync + 'static;
    /// Calls it.
    fn call(&self, arguments: A) -> Self::Output;
}

/// Something that stands where a function expects a `T`: a value, or a handle on a value to come.
pub trait Argument<T> {
    /// How it is read when the task runs.
    type Plan: Plan<T>;
    /// Makes the plan.
    fn into_plan(self) -> Self::Plan;
}

impl<T: Clone + Send + Sync + 'static> Argument<T> for T {
    type Plan = Kept<T, Registered>;
    fn into_plan(self) -> Self::Plan {
        Kept::new(self)
    }
}

impl<T: Send + Sync + 'static> Argument<T> for &Delayed<T> {
    type Plan = Slot;
    fn into_plan(self) -> Slot {
        Slot::new(self.step())
    }
}

/// A tuple of what stands for the arguments `A` of a function.
pub trait Arguments<A> {
    /// The plans of all of them.
    type Plans: Fetch<Items = A>;
    /// Makes the plans.
    fn into_plans(self) -> Self::Plans;
}

macro_rules! function_tuple {
    ($($item:ident $part:ident $index:tt),*) => {
        impl<Fun, Out, $($item),*> Function<($($item,)*)> for Fun
        where
            Fun: Fn($($item),*) -> Out + Send + Sync + 'static,
            Out: Send + Sync + 'static,
        {
            type Output = Out;
            #[allow(non_snake_case)]
            fn call(&self, ($($item,)*): ($($item,)*)) -> Out {
                self($($item),*)
            }
        }

        impl<$($item: Clone + Send + Sync + 'static, $part: Argument<$item>),*> Arguments<($($item,)*)> for ($($part,)*) {
            type Plans = ($(ByValue<$item, $part::Plan>,)*);
            #[allow(clippy::unused_unit)]
            fn into_plans(self) -> Self::Plans {
                ($(ByValue::new(self.$index.into_plan()),)*)
            }
        }
    };
}
function_tuple!();
function_tuple!(A X 0);
function_tuple!(A X 0, B Y 1);
function_tuple!(A X 0, B Y 1, C Z 2);
function_tuple!(A X 0, B Y 1, C Z 2, D W 3);
function_tuple!(A X 0, B Y 1, C Z 2, D W 3, E V 4);
function_tuple!(A X 0, B Y 1, C Z 2, D W 3, E V 4, F U 5);
function_tuple!(A X 0, B Y 1, C Z 2, D W 3, E V 4, F U 5, G T 6);
function_tuple!(A X 0, B Y 1, C Z 2, D W 3, E V 4, F U 5, G T 6, H S 7);

/// The last part of a function's path, without its type arguments: what a person would call it.
pub(crate) fn function_name<F>() -> &'static str {
    match last_part(std::any::type_name::<F>()) {
        "{{closure}}" | "" => "closure",
        name => name,
    }
}

/// `abs` of `core::num::<impl i64>::abs`, `from_iter` of `<alloc::vec::Vec<T> as FromIterator<T>>::from_iter`, and
/// `double` of `program::double<i64>`.
fn last_part(path: &str) -> &str {
    let bytes = path.as_bytes();
    let (mut depth, mut end) = (0_usize, path.len());
    for at in (0..bytes.len()).rev() {
        match bytes[at] {
            // The arrow of a function's type is no bracket.
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b')' | b']' => depth += 1,
            b'<' | b'(' | b'[' => {
                depth = depth.saturating_sub(1);
                // What the function is generic over is not part of its name.
                if depth == 0 && bytes[at] == b'<' {
                    end = at;
                }
            }
            b':' if depth == 0 && at > 0 && bytes[at - 1] == b':' && at + 1 < end => return &path[at + 1..end],
            _ => {}
        }
    }
    &path[..end]
}

/// A task that calls `function` when it runs.
pub(crate) fn step_of<F, A, S>(function: F, arguments: S) -> Arc<Step>
where
    F: Function<A>,
    A: 'static,
    S: Arguments<A>,
{
    let site = const { &Site::Inferred(function_name::<F>) };
    Step::new(Call::new(site, arguments.into_plans(), move |items| {
        Finished::<F::Output, Registered>::ok(function.call(items))
    }))
}

/// As [`step_of`], for a function whose `Err` fails the task.
pub(crate) fn fallible_step_of<F, A, S, R, E>(function: F, arguments: S) -> Arc<Step>
where
    F: Function<A, Output = Result<R, E>>,
    A: 'static,
    S: Arguments<A>,
    R: Send + Sync + 'static,
    E: Into<crate::BoxError> + 'static,
{
    let site = const { &Site::Inferred(function_name::<F>) };
    Step::new(Call::new(site, arguments.into_plans(), move |items| {
        Finished::<R, Registered>::new(function.call(items).map_err(Into::into))
    }))
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn functions_are_called_as_people_call_them() {
        let parts = [
            "inc",
            "program::inc",
            "program::double<i64>",
            "core::num::<impl i64>::abs",
            "<alloc::vec::Vec<T> as core::iter::FromIterator<T>>::from_iter<core::ops::Range<i64>>",
            "alloc::vec::Vec<alloc::vec::Vec<i64>>::len",
            "program::call<fn(i64) -> program::Pair<i64, u8>>",
            "program::main::{{closure}}",
        ];
        let names = parts.map(last_part);
        assert_eq!(names, ["inc", "inc", "double", "abs", "from_iter", "len", "call", "{{closure}}"]);
    }
}
