"""The Hub: folders are verified, compared with what is there, and pushed in one commit each; see `push_scripts/`."""
