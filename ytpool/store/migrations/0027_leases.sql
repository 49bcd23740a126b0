-- Nobody asks for leases by their holder; each lease that was taken wrote it all the same.
DROP INDEX leases_by_holder;
