use std::fmt::Debug;
use std::hash::Hash;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::*;

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Small and large numbers about equally often: a plain draw would never make a short varint.
    fn bits(&mut self) -> u64 {
        let shift = self.next() % 64;
        match self.next() % 8 {
            0 => 0,
            1 => u64::MAX,
            _ => self.next() >> shift,
        }
    }

    fn len(&mut self) -> usize {
        let most = [1, 4, 40, 300][(self.next() % 4) as usize];
        (self.next() % most) as usize
    }
}

trait Arbitrary: Sized {
    fn arbitrary(rng: &mut Rng) -> Self;
}

macro_rules! arbitrary_integers {
    ($($type:ty),*) => { $( impl Arbitrary for $type {
        fn arbitrary(rng: &mut Rng) -> Self {
            (u128::from(rng.bits()) << 64 | u128::from(rng.bits())) as $type
        }
    } )* };
}
arbitrary_integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

impl Arbitrary for () {
    fn arbitrary(_: &mut Rng) {}
}
impl Arbitrary for bool {
    fn arbitrary(rng: &mut Rng) -> Self {
        rng.next() & 1 == 1
    }
}
impl Arbitrary for char {
    fn arbitrary(rng: &mut Rng) -> Self {
        char::from_u32(rng.bits() as u32 % 0x11_0000).unwrap_or('ß')
    }
}
impl Arbitrary for f32 {
    fn arbitrary(rng: &mut Rng) -> Self {
        f32::from_bits(rng.bits() as u32)
    }
}
impl Arbitrary for f64 {
    fn arbitrary(rng: &mut Rng) -> Self {
        f64::from_bits(rng.bits())
    }
}
impl Arbitrary for String {
    fn arbitrary(rng: &mut Rng) -> Self {
        (0..rng.len()).map(|_| char::arbitrary(rng)).collect()
    }
}
impl Arbitrary for PathBuf {
    fn arbitrary(rng: &mut Rng) -> Self {
        String::arbitrary(rng).into()
    }
}
impl Arbitrary for Duration {
    fn arbitrary(rng: &mut Rng) -> Self {
        Duration::new(rng.bits(), rng.next() as u32 % 1_000_000_000)
    }
}
impl<T: Arbitrary> Arbitrary for Option<T> {
    fn arbitrary(rng: &mut Rng) -> Self {
        bool::arbitrary(rng).then(|| T::arbitrary(rng))
    }
}
impl<A: Arbitrary, B: Arbitrary> Arbitrary for (A, B) {
    fn arbitrary(rng: &mut Rng) -> Self {
        (A::arbitrary(rng), B::arbitrary(rng))
    }
}
impl<A: Arbitrary, B: Arbitrary, C: Arbitrary> Arbitrary for (A, B, C) {
    fn arbitrary(rng: &mut Rng) -> Self {
        (A::arbitrary(rng), B::arbitrary(rng), C::arbitrary(rng))
    }
}
macro_rules! arbitrary_collections {
    ($($type:ty: [$($bounds:tt)*]),*) => { $(
        impl<$($bounds)*> Arbitrary for $type {
            fn arbitrary(rng: &mut Rng) -> Self {
                (0..rng.len()).map(|_| Arbitrary::arbitrary(rng)).collect()
            }
        }
    )* };
}
arbitrary_collections!(
    Vec<T>: [T: Arbitrary],
    HashMap<K, V>: [K: Arbitrary + Eq + Hash, V: Arbitrary],
    BTreeMap<K, V>: [K: Arbitrary + Ord, V: Arbitrary]
);

/// Writes values, reads them back, and looks at them by their Debug form, in which a NaN is like another.
fn round_trip<T: Arbitrary + Debug + 'static>(show: impl Fn(&T) -> String) {
    let codec = codec_of(TypeId::of::<T>()).unwrap_or_else(|| panic!("no codec of {}", type_name::<T>()));
    assert_eq!((codec.type_id(), codec.type_name()), (TypeId::of::<T>(), type_name::<T>()));
    let mut rng = Rng(7);
    for _ in 0..40 {
        let value = T::arbitrary(&mut rng);
        let bytes = codec.encode(&value).expect("encodes");
        let back = codec.decode(&bytes).expect("decodes");
        let back = back.downcast_ref::<T>().expect("the type comes back");
        assert_eq!(show(back), show(&value), "{}", type_name::<T>());

        let mut longer = bytes.clone();
        longer.push(0);
        assert!(codec.decode(&longer).is_err(), "a byte too many of {}", type_name::<T>());
        if !bytes.is_empty() {
            // Either an error, or the value of another text: never a panic.
            let mut other = bytes.clone();
            let at = rng.next() as usize % other.len();
            other[at] ^= 1 << (rng.next() % 8);
            let _ = codec.decode(&other);
            assert!(codec.decode(&bytes[..bytes.len() - 1]).is_err(), "a byte too few of {}", type_name::<T>());
        }
    }
}

fn debug<T: Debug>(value: &T) -> String {
    format!("{value:?}")
}

#[test]
fn basic_types_come_back() {
    macro_rules! each { ($($type:ty),*) => { $( round_trip::<$type>(debug); round_trip::<Vec<$type>>(debug); )* }; }
    each!((), bool, char, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, String);
}

#[test]
fn nested_types_come_back() {
    macro_rules! each { ($($type:ty),*) => { $( round_trip::<$type>(debug); )* }; }
    each!(
        Option<()>,
        Option<f32>,
        Option<String>,
        Vec<Vec<bool>>,
        Vec<Vec<f64>>,
        Vec<Option<i64>>,
        Vec<Option<String>>
    );
    each!((i32, f64), (String, usize), (bool, String), (usize, i64), Vec<(String, f64)>, Vec<(usize, i64)>);
    each!((f64, f64, f64), PathBuf, Duration, BTreeMap<String, u64>, BTreeMap<String, String>);
    round_trip::<HashMap<String, i128>>(|map| debug(&map.iter().collect::<BTreeMap<_, _>>()));
    round_trip::<HashMap<String, ()>>(|map| debug(&map.iter().collect::<BTreeMap<_, _>>()));
    let now = std::time::SystemTime::now();
    let codec = codec_of(TypeId::of::<std::time::SystemTime>()).expect("built in");
    let back = codec.decode(&codec.encode(&now).expect("encodes")).expect("decodes");
    assert_eq!(back.downcast_ref(), Some(&now));
}

#[test]
fn vectors_of_numbers_keep_every_bit() {
    let codec = codec_of(TypeId::of::<Vec<f64>>()).expect("built in");
    let values: Vec<f64> = [0, 1, u64::MAX, 0x7ff8_0000_0000_0001, 1 << 63].map(f64::from_bits).to_vec();
    let bytes = codec.encode(&values).expect("encodes");
    assert_eq!(bytes.len(), 48);
    let back = codec.decode(&bytes).expect("decodes");
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(back.downcast_ref::<Vec<f64>>().expect("a vector")), bits(&values));
    let error = codec.decode(&bytes[..47]).unwrap_err();
    assert!(error.contains("47 bytes do not give"), "{error}");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle { radius: f64 },
    Polygon(Vec<(f64, f64)>, Box<Shape>),
}

#[test]
fn a_type_of_ones_own_comes_with_its_family() {
    assert!(codec_of(TypeId::of::<Shape>()).is_none());
    register::<Shape>();
    register::<Shape>();
    let shape = Shape::Polygon(vec![(0.5, -1.0), (2.0, f64::MIN)], Box::new(Shape::Circle { radius: 1e300 }));
    fn check<T: PartialEq + Debug + 'static>(value: T) {
        let codec = codec_of(TypeId::of::<T>()).expect("registered");
        let back = codec.decode(&codec.encode(&value).expect("encodes")).expect("decodes");
        assert_eq!(back.downcast_ref::<T>(), Some(&value));
    }
    check(shape.clone());
    check(vec![shape.clone(), Shape::Empty]);
    check(Some(shape.clone()));
    check(vec![vec![], vec![shape.clone()]]);
    check(vec![None, Some(shape)]);
    assert!(codec_of(TypeId::of::<Option<Option<Shape>>>()).is_none());
}

#[test]
fn the_last_codec_of_a_type_counts() {
    struct Opaque(u16);
    let shift: u16 = std::env::args().count() as u16; // captured, and not known to the compiler
    register_codec(Codec::with::<Opaque, _, _>(
        move |value| Ok(value.0.wrapping_add(shift).to_le_bytes().to_vec()),
        move |bytes| match bytes.try_into() {
            Ok(bytes) => Ok(Opaque(u16::from_le_bytes(bytes).wrapping_sub(shift))),
            Err(_) => Err(format!("an Opaque is two bytes, not {}", bytes.len())),
        },
    ));
    let codec = codec_of(TypeId::of::<Opaque>()).expect("registered");
    let back = codec.decode(&codec.encode(&Opaque(500)).expect("encodes")).expect("decodes");
    assert_eq!(back.downcast_ref::<Opaque>().map(|value| value.0), Some(500));
    assert_eq!(codec.decode(&[1]).unwrap_err(), "an Opaque is two bytes, not 1");

    register_codec(Codec::with::<Opaque, _, _>(|_| Err("it stays".to_owned()), |_| Err("it stays".to_owned())));
    assert_eq!(codec_of(TypeId::of::<Opaque>()).expect("replaced").encode(&Opaque(1)).unwrap_err(), "it stays");
}

#[test]
fn a_value_of_another_type_is_an_error() {
    let codec = Codec::of::<i64>();
    let error = codec.encode(&"text".to_owned()).unwrap_err();
    assert_eq!(error, "the codec of i64 was given a value of another type");
    // A shared value looks like an `Any` itself: what is inside has to be passed.
    let value: Value = Arc::new(5i64);
    assert!(codec.encode(&value).is_err());
    assert_eq!(codec.encode(&*value), Ok(vec![10]));
    assert!(codec.decode(&[]).unwrap_err().contains("do not give a value of type i64"));
    assert_eq!(format!("{codec:?}"), "Codec of i64");
}

#[test]
fn many_threads_may_register_and_look_up() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    register::<(u8, Shape)>();
                    let codec = codec_of(TypeId::of::<Vec<(u8, Shape)>>()).expect("registered");
                    assert!(codec.decode(&[0]).is_ok());
                }
            });
        }
    });
}
