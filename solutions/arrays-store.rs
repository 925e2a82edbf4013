let coarse = month.slice(s![.., ..;2, ..;2]);
coarse.to_zarr(scratch("coarse.zarr"), &ZarrOptions::new().overwrite(true).chunks([31, 60, 60]))?;
