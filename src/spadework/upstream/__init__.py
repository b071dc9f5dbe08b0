"""Released checkpoints, in and out: tables of names, and files read without executing anything in them."""
