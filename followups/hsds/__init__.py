"""
Open Referral's HSDS 3, in and out: what its tables are, how its nested JSON and its CSV files become them and back.

Nothing here knows the database. In between everything is in HSDS's tabular form: rows by table, which name each other.
"""
