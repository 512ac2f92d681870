// Before the first pixel: the stored look and language. And: a module that does not come means an upgrade; load again.
(function () {
  var root = document.documentElement;
  try {
    var stored = JSON.parse(localStorage.getItem('clarion.settings') || '{}');
    var language = stored.language || ((navigator.languages || ['zh'])[0].slice(0, 2) === 'zh' ? 'zh' : 'en');
    root.lang = language === 'zh' ? 'zh-CN' : 'en';
    if (stored.look === 'dark' || stored.look === 'light') root.dataset.theme = stored.look;
    if (stored.text_size) root.dataset.text = stored.text_size;
  } catch (error) {
    root.dataset.storage = 'none';
  }
  addEventListener('error', function (event) {
    if (!event.target || event.target.tagName !== 'SCRIPT') return;
    var tries = Number(sessionStorage.getItem('clarion.tries') || 0);
    if (tries >= 5) return;
    sessionStorage.setItem('clarion.tries', String(tries + 1));
    setTimeout(function () { location.reload(); }, 2000);
  }, true);
})();
