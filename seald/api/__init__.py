"""The HTTP surface. `app.create_app` makes it of `services.Services`; nothing here knows SQL, engines or trainers."""
