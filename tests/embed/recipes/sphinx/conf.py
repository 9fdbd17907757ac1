project = "A board that listens"
html_js_files = [("https://play.example/embed.js", {"async": "async", "data-upgrade": ""})]
