"""A mend carried out: previewed, journaled, applied, waited for, proved by judging again, and undone."""
