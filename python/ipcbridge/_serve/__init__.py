"""The blocking server, and what both servers share: methods, how handlers run, what their failures become."""
