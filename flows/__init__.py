"""Prefect flows, one file each. They read like the sentence they carry out."""
