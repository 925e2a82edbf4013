//! Opening and storing.

use std::path::Path;

use super::array::DataArray;
use super::core::Labelled;
use super::dataset::Dataset;
use super::error::{Built, LabelError};
use super::shape::joined;
use crate::array::Element;
use crate::array::store::{Hdf5Options, ZarrOptions};
use crate::error::Result;

impl Dataset {
    /// All that is in a NetCDF-4 or HDF5 file, or in the folder of a Zarr group.
    ///
    /// Names of dimensions, coordinates and attributes are read now, elements when they are needed. By the CF conventions,
    /// packed numbers become what they mean, missing ones NaN, and times are times. What is in groups inside is left out.
    ///
    /// ```no_run
    /// use taskloom::prelude::*;
    /// let ocean = Dataset::open("tos_Omon_GFDL-CM4.nc")?;
    /// let tos = ocean.array::<f32>("tos");
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is no such file or folder, it is damaged, or what it says of its dimensions does not fit together.
    pub fn open(path: impl AsRef<Path>) -> Result<Dataset> {
        super::read::opened(path.as_ref())
    }

    /// Several files that follow each other along a dimension, such as the days of a month, as one. What has not the
    /// dimension is that of the first.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::store::Hdf5Options;
    /// # let folder = tempfile::tempdir().unwrap();
    /// let day = |day: i64| DataArray::new(Array::<f32>::full((1, 4), day as f32, 4), ["day", "x"]).assign_coords("day", [day]);
    /// let paths: Vec<_> = (1..=3).map(|nth| folder.path().join(format!("{nth}.nc"))).collect();
    /// for (path, nth) in paths.iter().zip(1..) {
    ///     day(nth).to_netcdf(path, &Hdf5Options::new())?;
    /// }
    /// let month = Dataset::open_files(&paths, "day")?.array::<f32>("data");
    /// assert_eq!((month.shape(), month.sel("day", 2).mean(..).item()?), (vec![3, 4], 2.0));
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Dataset::open), and when there are no files, or they differ in other than the dimension.
    pub fn open_files<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>, dim: &str) -> Result<Dataset> {
        let parts = paths.into_iter().map(Dataset::open).collect::<Result<Vec<Dataset>>>()?;
        Ok(joined_files(&parts, dim)?)
    }

    /// Stores everything in a new NetCDF-4 file; the options say how elements are packed.
    ///
    /// # Errors
    /// As [`Hdf5Writer::write`](crate::array::store::Hdf5Writer::write).
    pub fn to_netcdf(&self, path: impl AsRef<Path>, options: &Hdf5Options) -> Result<()> {
        super::write::to_netcdf(self, path.as_ref(), options)
    }

    /// Stores everything in a Zarr group; the options say how elements are packed.
    ///
    /// # Errors
    /// As [`Array::to_zarr_array`](crate::Array::to_zarr_array), and when labels are texts.
    pub fn to_zarr(&self, path: impl AsRef<Path>, options: &ZarrOptions) -> Result<()> {
        super::write::to_zarr(self, path.as_ref(), options)
    }
}

fn joined_files(parts: &[Dataset], dim: &str) -> Built<Dataset> {
    let Some(first) = parts.first() else {
        return Err(LabelError::parameter("open_files", "there are no files"));
    };
    let mut result = Dataset { attrs: first.attrs.clone(), unread: first.unread.clone(), ..Dataset::new() };
    for name in first.data_vars() {
        let mut var = first.attached(name)?;
        if var.dims.iter().any(|own| own == dim) {
            let all: Vec<Labelled> = parts.iter().map(|part| part.attached(name)).collect::<Built<_>>()?;
            var = joined(&all, dim)?;
        }
        result.put(name, &var)?;
    }
    Ok(result)
}

impl<T: Element> DataArray<T> {
    /// The only array of a NetCDF-4 or HDF5 file, or of a Zarr group: see [`Dataset::open`].
    ///
    /// # Errors
    /// As [`Dataset::open`], and when there is more than one array, none, or it is of another type.
    pub fn open(path: impl AsRef<Path>) -> Result<DataArray<T>> {
        let dataset = Dataset::open(path)?;
        let [name] = dataset.data_vars()[..] else {
            let names = dataset.data_vars().join("`, `");
            let why =
                format!("there is not one array but {}: `{names}`; `Dataset::open` gives them all", dataset.vars.len());
            return Err(LabelError::parameter("DataArray::open", why).into());
        };
        Ok(DataArray::of(dataset.converted(name, T::DTYPE)?))
    }

    /// As a dataset of this array only, called by its name, or `data`.
    ///
    /// # Panics
    /// When one of its coordinates is called so.
    #[track_caller]
    pub fn to_dataset(&self) -> Dataset {
        Dataset::new().with(self.name().unwrap_or("data"), self)
    }

    /// Stores the array with its coordinates in a new NetCDF-4 file.
    ///
    /// ```
    /// use taskloom::prelude::*;
    /// use taskloom::array::store::Hdf5Options;
    /// use taskloom::labelled::date_range;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("t.nc");
    /// let t = DataArray::new(Array::<f32>::ones((3, 2), 2), ["time", "x"])
    ///     .assign_coords("time", date_range("2000-01-01", 3, "D"))
    ///     .with_name("t");
    /// t.to_netcdf(&path, &Hdf5Options::new().deflate(4))?;
    /// let back = DataArray::<f32>::open(&path)?;
    /// assert_eq!(back.coords(), t.coords());
    /// # Ok::<(), taskloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::to_netcdf`].
    pub fn to_netcdf(&self, path: impl AsRef<Path>, options: &Hdf5Options) -> Result<()> {
        self.to_dataset().to_netcdf(path, options)
    }

    /// Stores the array with its coordinates in a Zarr group.
    ///
    /// # Errors
    /// As [`Dataset::to_zarr`].
    pub fn to_zarr(&self, path: impl AsRef<Path>, options: &ZarrOptions) -> Result<()> {
        self.to_dataset().to_zarr(path, options)
    }
}
