"""Reading a folder of files into the contract: settings, encodings, CSV and parquet, conversion, quarantine."""
