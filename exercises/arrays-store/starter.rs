let values = month.slice(s![.., ..;2, ..]).compute()?;
let coarse = Array::from_ndarray(values, "auto");
coarse.to_zarr(scratch("coarse.zarr"), &ZarrOptions::new().overwrite(true))?;
