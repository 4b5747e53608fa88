"""Tests in a browser: Chromium, driven by Playwright, before an installation of their own."""
