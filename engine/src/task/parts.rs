//! What tasks of the engine's own are made of, as bytes and code: numbers, names, lists, and what is put together from them.
//!
//! Not serde: a part may be code, which the other process has to find, and parts have neither names nor versions, since both
//! sides run the same build.

use std::ffi::OsString;
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use num_complex::Complex;

use super::pack::{Packer, Unpacker, too_short};

/// A part of a task that can be written, and read in another process.
pub(crate) trait Pack: Sized {
    /// Writes it; says why when it cannot leave.
    fn pack(&self, packer: &mut Packer) -> Result<(), String>;
    /// Reads what [`pack`](Pack::pack) wrote.
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String>;
}

macro_rules! numbers {
    ($($type:ty)*) => { $(
        impl Pack for $type {
            fn pack(&self, packer: &mut Packer) -> Result<(), String> {
                packer.raw(&self.to_le_bytes());
                Ok(())
            }
            fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
                unpacker.raw().map(<$type>::from_le_bytes)
            }
        }
    )* };
}
numbers!(i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 usize isize);

impl Pack for bool {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        u8::from(*self).pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        u8::unpack(unpacker).map(|byte| byte != 0)
    }
}

impl<T: Pack> Pack for Complex<T> {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.re.pack(packer)?;
        self.im.pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        Ok(Complex { re: T::unpack(unpacker)?, im: T::unpack(unpacker)? })
    }
}

impl Pack for String {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        packer.count(self.len());
        packer.raw(self.as_bytes());
        Ok(())
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let length = unpacker.count()?;
        String::from_utf8(unpacker.slice(length)?.to_vec()).map_err(|_| too_short())
    }
}

/// Names that the code knows. What comes from elsewhere is kept once, for good.
impl Pack for &'static str {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        (*self).to_owned().pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        use std::collections::HashSet;
        use std::sync::Mutex;
        static KNOWN: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
        let name = String::unpack(unpacker)?;
        let mut known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let known = known.get_or_insert_default();
        Ok(known.get(name.as_str()).copied().unwrap_or_else(|| {
            let name: &'static str = name.leak();
            known.insert(name);
            name
        }))
    }
}

/// A path, as the bytes that the system gave. Whoever writes one makes it absolute.
impl Pack for PathBuf {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        packer.count(self.as_os_str().len());
        packer.raw(self.as_os_str().as_bytes());
        Ok(())
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let length = unpacker.count()?;
        Ok(PathBuf::from(OsString::from_vec(unpacker.slice(length)?.to_vec())))
    }
}

/// What belongs to this process alone, and why.
pub(crate) struct Stays<T>(pub(crate) T, pub(crate) &'static str);

impl<T> Pack for Stays<T> {
    fn pack(&self, _packer: &mut Packer) -> Result<(), String> {
        Err(self.1.to_owned())
    }
    fn unpack(_unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        Err("it was never written".to_owned())
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.is_some().pack(packer)?;
        self.iter().try_for_each(|value| value.pack(packer))
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        match bool::unpack(unpacker)? {
            true => T::unpack(unpacker).map(Some),
            false => Ok(None),
        }
    }
}

macro_rules! lists {
    ($($list:ty),*) => { $(
        impl<T: Pack> Pack for $list {
            fn pack(&self, packer: &mut Packer) -> Result<(), String> {
                packer.count(self.len());
                self.iter().try_for_each(|value| value.pack(packer))
            }
            fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
                (0..unpacker.count()?).map(|_| T::unpack(unpacker)).collect()
            }
        }
    )* };
}
lists!(Vec<T>, Box<[T]>, Arc<[T]>);

impl<T: Pack, const N: usize> Pack for [T; N] {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.iter().try_for_each(|value| value.pack(packer))
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        let values: Vec<T> = (0..N).map(|_| T::unpack(unpacker)).collect::<Result<_, _>>()?;
        values.try_into().map_err(|_| too_short())
    }
}

impl<T: Pack> Pack for Arc<T> {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        (**self).pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        T::unpack(unpacker).map(Arc::new)
    }
}

impl<T: Pack> Pack for Range<T> {
    fn pack(&self, packer: &mut Packer) -> Result<(), String> {
        self.start.pack(packer)?;
        self.end.pack(packer)
    }
    fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
        Ok(T::unpack(unpacker)?..T::unpack(unpacker)?)
    }
}

macro_rules! tuples {
    ($(($($part:ident $index:tt),*))*) => { $(
        #[allow(unused_variables)]
        impl<$($part: Pack),*> Pack for ($($part,)*) {
            fn pack(&self, packer: &mut Packer) -> Result<(), String> {
                $(self.$index.pack(packer)?;)*
                Ok(())
            }
            fn unpack(unpacker: &mut Unpacker<'_>) -> Result<Self, String> {
                Ok(($($part::unpack(unpacker)?,)*))
            }
        }
    )* };
}
tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
}

/// [`Pack`] for a struct, field by field, or for an enum, variant by variant.
///
/// `packed!(Part { input, axes });` or `packed!(enum From { Fill, Run { start, step }, Pairs(pairs) });`
///
/// An enum of names alone is defined by it too, so that they are listed once: `packed! { #[derive(Clone, Copy)] enum Side
/// { Lower, Upper } }`.
macro_rules! packed {
    (enum $type:ident { $($variant:ident $({ $($field:ident),* })? $(($($place:ident),*))?),* $(,)? }) => {
        impl $crate::task::Pack for $type {
            #[allow(unused_assignments, unused_variables)]
            fn pack(&self, packer: &mut $crate::task::Packer) -> Result<(), String> {
                let mut number = 0_u8;
                $(
                    if let $type::$variant $({ $($field),* })? $(($($place),*))? = self {
                        $crate::task::Pack::pack(&number, packer)?;
                        $($($crate::task::Pack::pack($field, packer)?;)*)?
                        $($($crate::task::Pack::pack($place, packer)?;)*)?
                    }
                    number += 1;
                )*
                Ok(())
            }
            fn unpack(unpacker: &mut $crate::task::Unpacker<'_>) -> Result<Self, String> {
                let mut number: u8 = $crate::task::Pack::unpack(unpacker)?;
                $(
                    if number == 0 {
                        $($(let $field = $crate::task::Pack::unpack(unpacker)?;)*)?
                        $($(let $place = $crate::task::Pack::unpack(unpacker)?;)*)?
                        return Ok($type::$variant $({ $($field),* })? $(($($place),*))?);
                    }
                    number -= 1;
                )*
                Err(format!("there is no variant {number} more of `{}`", stringify!($type)))
            }
        }
    };
    ($(#[$about:meta])+ $visible:vis enum $type:ident { $($(#[$doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$about])+
        $visible enum $type { $($(#[$doc])* $variant),* }
        $crate::task::packed!(enum $type { $($variant),* });
    };
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl $crate::task::Pack for $type {
            fn pack(&self, packer: &mut $crate::task::Packer) -> Result<(), String> {
                $($crate::task::Pack::pack(&self.$field, packer)?;)*
                Ok(())
            }
            fn unpack(unpacker: &mut $crate::task::Unpacker<'_>) -> Result<Self, String> {
                Ok($type { $($field: $crate::task::Pack::unpack(unpacker)?),* })
            }
        }
    };
}
pub(crate) use packed;
