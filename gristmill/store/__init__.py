"""The S3 store: any S3-compatible one, or SeaweedFS started on loopback for this user."""
