'use strict';
const slides = [...document.querySelectorAll('section')];
const steps = slides.map(slide => [...slide.querySelectorAll('.step.later')]);
let slide = 0;
let shown = 0; // how many of the slide's later steps are to be seen
let speaker = null;

const clamp = number => Math.max(0, Math.min(slides.length - 1, number));

/** Makes the type smaller until the slide fits. */
function fit() {
    const sheet = slides[slide].querySelector('.sheet');
    let size = 100;
    sheet.style.fontSize = '';
    while (size > 45 && (sheet.scrollHeight > sheet.clientHeight + 1 || sheet.scrollWidth > sheet.clientWidth + 1)) {
        size -= 5;
        sheet.style.fontSize = size + '%';
    }
}

function show() {
    slides.forEach((element, place) => element.classList.toggle('now', place === slide));
    steps[slide].forEach((step, place) => step.classList.toggle('hidden', place >= shown));
    document.getElementById('bar').style.width = 100 * (slide + 1) / slides.length + '%';
    document.getElementById('number').textContent = slide + 1 + ' / ' + slides.length;
    const address = '#' + (slide + 1);
    if (location.hash !== address) {
        history.replaceState(null, '', address);
    }
    fit();
    tell();
}

function go(to, all = false) {
    slide = clamp(to);
    shown = all ? steps[slide].length : 0;
    show();
}

function on() {
    if (shown < steps[slide].length) {
        shown += 1;
        show();
    } else if (slide < slides.length - 1) {
        go(slide + 1);
    }
}

function back() {
    if (shown > 0) {
        shown -= 1;
        show();
    } else if (slide > 0) {
        go(slide - 1, true);
    }
}

/** Fills the speaker's window: this slide's notes, and what comes next. */
function tell() {
    if (!speaker || speaker.closed) {
        return;
    }
    const notes = slides[slide].querySelector('.notes');
    const next = slides[slide + 1]?.querySelector('h1, h2, h3, p')?.textContent ?? 'the end';
    const page = speaker.document;
    page.title = 'Notes: ' + document.title;
    page.body.innerHTML = '<p class="place"></p><div class="text"></div><p class="next"></p>';
    page.body.style.cssText = 'font: 22px/1.5 system-ui, sans-serif; margin: 2em; color: #1d2733';
    page.querySelector('.place').textContent = 'Slide ' + (slide + 1) + ' of ' + slides.length;
    page.querySelector('.text').innerHTML = notes ? notes.innerHTML : '<p>There are no notes for this slide.</p>';
    page.querySelector('.next').textContent = 'Next: ' + next;
}

const actions = {
    ArrowRight: on, PageDown: on, ' ': on, ArrowDown: on,
    ArrowLeft: back, PageUp: back, Backspace: back, ArrowUp: back,
    Home: () => go(0), End: () => go(slides.length - 1),
    n: () => { document.body.classList.toggle('with-notes'); fit(); },
    s: () => {
        speaker = window.open('', 'taskloom-notes', 'width=800,height=600');
        speaker?.document.addEventListener('keydown', press);
        tell();
    },
    f: () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen(),
    '?': () => { const help = document.getElementById('help'); help.hidden = !help.hidden; },
    Escape: () => { document.getElementById('help').hidden = true; },
};

function press(event) {
    const action = actions[event.key] ?? actions[event.key.toLowerCase()];
    const onControl = event.target.closest?.('a, summary') && event.key === ' ';
    if (action && !onControl && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        action();
    }
}

document.addEventListener('keydown', press);
document.addEventListener('click', event => {
    if (event.target.closest('a, summary, #help') || String(getSelection())) {
        return;
    }
    event.clientX < innerWidth / 4 ? back() : on();
});
let touched = null;
document.addEventListener('touchstart', event => { touched = event.changedTouches[0].clientX; }, { passive: true });
document.addEventListener('touchend', event => {
    const moved = event.changedTouches[0].clientX - touched;
    if (Math.abs(moved) > 60) {
        moved < 0 ? on() : back();
    }
});
window.addEventListener('resize', fit);
window.addEventListener('hashchange', () => go(parseInt(location.hash.slice(1), 10) - 1 || 0));
go(parseInt(location.hash.slice(1), 10) - 1 || 0);
