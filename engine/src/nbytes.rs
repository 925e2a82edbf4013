//! How much memory a value takes, roughly and quickly.
//!
//! A [`Value`](crate::task::Value) does not say how much it has on the heap, so there is a table by type, as Dask's
//! `sizeof` has one. Where a type is not in the table, the estimate is the size of the value itself, without what it
//! points at; [`register_nbytes`] is for those that are large.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

type Measure = Box<dyn Fn(&dyn Any) -> u64 + Send + Sync>;

static MEASURES: LazyLock<RwLock<HashMap<TypeId, Measure>>> = LazyLock::new(|| RwLock::new(built_in()));

/// Bytes that the value takes, with what it owns: the whole capacity of a vector, not only what is used.
///
/// Exact but for the allocator's overhead for numbers, `String`, `Vec` of numbers, of `String`, of `Option` of a number
/// and of vectors of numbers; an estimate for `HashMap` from `String` to a number. Of another type it is
/// [`size_of_val`], unless [`register_nbytes`] has been told better. Takes constant time for vectors of numbers, and
/// looks at each element of nested ones.
///
/// ```
/// use taskloom::nbytes;
/// assert_eq!(nbytes(&1.5f64), 8);
/// assert_eq!(nbytes(&vec![0u16; 1000]), 24 + 2000);
/// ```
pub fn nbytes(value: &dyn Any) -> u64 {
    let measures = MEASURES.read().unwrap_or_else(|poisoned| poisoned.into_inner());
    match measures.get(&value.type_id()) {
        Some(measure) => measure(value),
        None => size_of_val(value) as u64,
    }
}

/// Says how much memory values of a type take, the value itself included.
///
/// The function is called with a lock held, so it must not register anything. Calling [`nbytes`] from it can wait for
/// ever too, when another thread registers a type at that moment.
///
/// ```
/// use taskloom::{nbytes, register_nbytes};
/// struct Image { pixels: Vec<u8> }
/// register_nbytes::<Image>(|image| (size_of::<Image>() + image.pixels.capacity()) as u64);
/// assert_eq!(nbytes(&Image { pixels: vec![0; 500] }), 524);
/// ```
pub fn register_nbytes<T: 'static>(measure: impl Fn(&T) -> u64 + Send + Sync + 'static) {
    let mut measures = MEASURES.write().unwrap_or_else(|poisoned| poisoned.into_inner());
    put(&mut measures, measure);
}

fn put<T: 'static>(measures: &mut HashMap<TypeId, Measure>, measure: impl Fn(&T) -> u64 + Send + Sync + 'static) {
    let measure = move |value: &dyn Any| value.downcast_ref().map_or(0, &measure);
    measures.insert(TypeId::of::<T>(), Box::new(measure));
}

fn vec<T>(values: &Vec<T>) -> u64 {
    (size_of::<Vec<T>>() + values.capacity() * size_of::<T>()) as u64
}

fn built_in() -> HashMap<TypeId, Measure> {
    let mut map = HashMap::new();
    let measures = &mut map;
    // Numbers themselves have nothing on the heap, and need no entry.
    macro_rules! each {
        ($($type:ty),*) => { $(
            put::<Vec<$type>>(measures, vec);
            put::<Vec<Option<$type>>>(measures, vec);
            put::<Vec<Vec<$type>>>(measures, |rows| {
                vec(rows) + rows.iter().map(|row| (row.capacity() * size_of::<$type>()) as u64).sum::<u64>()
            });
            put::<HashMap<String, $type>>(measures, |map| {
                // One byte of control and an eighth to spare for each slot, in hashbrown's layout.
                let table = (size_of::<(String, $type)>() + 1) * map.capacity() / 7 * 8;
                (size_of_val(map) + table + map.keys().map(String::capacity).sum::<usize>()) as u64
            });
        )* };
    }
    each!(bool, char, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64);
    put::<String>(measures, |text| (size_of::<String>() + text.capacity()) as u64);
    put::<Option<String>>(measures, |text| {
        (size_of::<Option<String>>() + text.as_ref().map_or(0, String::capacity)) as u64
    });
    put::<Vec<String>>(measures, |texts| vec(texts) + texts.iter().map(|text| text.capacity() as u64).sum::<u64>());
    map
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::task::Value;

    #[test]
    fn sizes_count_what_is_owned() {
        assert_eq!(nbytes(&()), 0);
        assert_eq!(nbytes(&7i128), 16);
        let mut text = String::with_capacity(100);
        text.push('x');
        assert_eq!(nbytes(&text), 24 + 100);
        let mut texts = Vec::with_capacity(3);
        texts.push(text);
        assert_eq!(nbytes(&texts), 24 + 3 * 24 + 100);
        assert_eq!(nbytes(&vec![vec![1.0f64; 10], vec![]]), 24 + 2 * 24 + 80);
        let map: HashMap<String, f64> = (0..1000).map(|n| (format!("{n:06}"), 0.0)).collect();
        let size = nbytes(&map);
        assert!((1000 * 38..1000 * 100).contains(&size), "{size}");
    }

    #[test]
    fn unknown_types_are_as_large_as_they_are() {
        struct Unknown([u8; 40], #[allow(dead_code)] Vec<u8>);
        let value: Value = Arc::new(Unknown([0; 40], vec![0; 999]));
        assert_eq!(nbytes(&*value), 64);
        register_nbytes::<Unknown>(|unknown| (unknown.0.len() + unknown.1.len()) as u64);
        assert_eq!(nbytes(&*value), 1039);
    }
}
