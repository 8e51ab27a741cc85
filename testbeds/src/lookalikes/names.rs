//! Names of several cultures, common ones first, and short forms. Compiled for the tests from general knowledge; no list was
//! copied. What is not in a list is put together from parts, so that there is a long tail of rare family names as in life.

/// Names of one culture.
pub(super) struct Culture {
    /// Of a hundred people.
    pub(super) percent: u64,
    pub(super) given: &'static [&'static str],
    pub(super) family: &'static [&'static str],
    /// Beginnings and ends of rarer family names.
    pub(super) starts: &'static [&'static str],
    pub(super) ends: &'static [&'static str],
    /// Of a hundred people with two family names.
    pub(super) double: u64,
}

pub(super) const CULTURES: &[Culture] = &[
    Culture {
        percent: 34,
        given: &[
            "James", "Mary", "John", "Patricia", "Robert", "Jennifer", "Michael", "Linda", "William", "Elizabeth", "David",
            "Barbara", "Richard", "Susan", "Joseph", "Jessica", "Thomas", "Sarah", "Charles", "Karen", "Christopher", "Lisa",
            "Daniel", "Nancy", "Matthew", "Betty", "Anthony", "Margaret", "Mark", "Sandra", "Steven", "Ashley", "Paul",
            "Kimberly", "Andrew", "Emily", "Joshua", "Donna", "Kenneth", "Michelle", "Kevin", "Carol", "Brian", "Amanda",
            "George", "Melissa", "Edward", "Deborah", "Ronald", "Stephanie", "Timothy", "Rebecca", "Jason", "Laura", "Jeffrey",
            "Helen", "Ryan", "Sharon", "Jacob", "Cynthia", "Nicholas", "Kathleen", "Gary", "Amy", "Eric", "Shirley", "Jonathan",
            "Angela", "Stephen", "Anna", "Larry", "Ruth", "Justin", "Brenda", "Scott", "Pamela", "Brandon", "Nicole",
            "Benjamin", "Katherine", "Samuel", "Samantha", "Gregory", "Christine", "Alexander", "Catherine", "Patrick",
            "Victoria", "Frank", "Rachel", "Raymond", "Heather", "Jack", "Diane", "Dennis", "Olivia", "Jerry", "Julie", "Tyler",
            "Joyce", "Aaron", "Ava", "Jose", "Grace", "Adam", "Hazel", "Nathan", "Chloe", "Henry", "Imogen", "Douglas", "Freya",
        ],
        family: &[
            "Smith", "Jones", "Williams", "Taylor", "Brown", "Davies", "Johnson", "Wilson", "Evans", "Thomas", "Roberts",
            "Walker", "Wright", "Thompson", "Robinson", "White", "Hughes", "Edwards", "Hall", "Green", "Martin", "Wood",
            "Lewis", "Harris", "Clarke", "Jackson", "Clark", "Turner", "Scott", "Hill", "Moore", "Cooper", "Ward", "Morris",
            "King", "Watson", "Harrison", "Morgan", "Baker", "Young", "Allen", "Anderson", "Mitchell", "Phillips", "James",
            "Lee", "Bell", "Parker", "Davis", "Bennett", "Miller", "Cook", "Shaw", "Cox", "Richards", "Marshall", "Collins",
            "Carter", "Bailey", "Gray", "Murphy", "Adams", "Richardson", "Ellis", "Foster", "Simpson", "Chapman", "Mason",
            "O'Brien", "O'Connor", "Kennedy", "Ryan", "McCarthy", "MacDonald", "Campbell", "Stewart", "Reid", "Murray",
        ],
        starts: &[
            "Ash", "Black", "Brad", "Brook", "Burn", "Cliff", "Crom", "Dun", "East", "Fair", "Green", "Hart", "Hazel", "High",
            "Holl", "Kirk", "Lang", "Lock", "Marsh", "Mill", "Nor", "Oak", "Penn", "Red", "Rother", "Sand", "Shef", "South",
            "Stan", "Stock", "Sutter", "Thorn", "Under", "Wake", "West", "Whit", "Win", "Wood",
        ],
        ends: &["well", "ford", "ton", "ley", "worth", "wood", "field", "land", "by", "ham", "stone", "burn", "gate", "wick"],
        double: 4,
    },
    Culture {
        percent: 20,
        given: &[
            "Thomas", "Michael", "Andreas", "Sabine", "Stefan", "Susanne", "Peter", "Claudia", "Christian", "Petra", "Wolfgang",
            "Monika", "Klaus", "Andrea", "Jürgen", "Birgit", "Frank", "Karin", "Martin", "Gabriele", "Matthias", "Ursula",
            "Bernd", "Katharina", "Uwe", "Stefanie", "Alexander", "Martina", "Ralf", "Julia", "Markus", "Anja", "Jörg",
            "Christine", "Sebastian", "Nicole", "Daniel", "Heike", "Florian", "Kerstin", "Tobias", "Johanna", "Jan", "Anna",
            "Philipp", "Lena", "Maximilian", "Sophie", "Lukas", "Franziska", "Felix", "Elisabeth", "Günther", "Brigitte",
            "Friedrich", "Margarete", "Heinrich", "Jutta", "Ulrich", "Ulrike", "Wilhelm", "Magdalena", "Björn", "Käthe",
        ],
        family: &[
            "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz", "Hoffmann", "Schäfer",
            "Koch", "Bauer", "Richter", "Klein", "Wolf", "Schröder", "Neumann", "Schwarz", "Zimmermann", "Braun", "Krüger",
            "Hofmann", "Hartmann", "Lange", "Schmitt", "Werner", "Schmitz", "Krause", "Meier", "Lehmann", "Schmid", "Schulze",
            "Maier", "Köhler", "Herrmann", "König", "Walter", "Mayer", "Huber", "Kaiser", "Fuchs", "Peters", "Lang", "Scholz",
            "Möller", "Weiß", "Jung", "Hahn", "Schubert", "Vogel", "Friedrich", "Keller", "Günther", "Frank", "Berger",
            "Winkler", "Roth", "Beck", "Lorenz", "Baumann", "Franke", "Albrecht", "Schuster", "Simon", "Ludwig", "Böhm",
            "Groß", "von Berg", "von der Heide",
        ],
        starts: &[
            "Alten", "Blumen", "Breiten", "Buchen", "Eichen", "Falken", "Feld", "Grün", "Hohen", "Kirch", "Lichten", "Linden",
            "Löwen", "Nieder", "Ober", "Rosen", "Schön", "Stein", "Tannen", "Wald", "Weiden", "Winter",
        ],
        ends: &["berg", "bach", "stein", "mann", "hof", "feld", "thal", "meier", "müller", "hauer", "wald", "heim"],
        double: 3,
    },
    Culture {
        percent: 9,
        given: &[
            "Anna", "Piotr", "Maria", "Krzysztof", "Katarzyna", "Andrzej", "Małgorzata", "Tomasz", "Agnieszka", "Jan",
            "Barbara", "Paweł", "Ewa", "Michał", "Krystyna", "Marcin", "Magdalena", "Jakub", "Elżbieta", "Adam", "Joanna",
            "Łukasz", "Aleksandra", "Marek", "Zofia", "Grzegorz", "Monika", "Mateusz", "Teresa", "Wojciech", "Danuta",
            "Mariusz", "Natalia", "Dariusz", "Karolina", "Zbigniew", "Marta", "Rafał", "Beata", "Stanisław",
        ],
        family: &[
            "Nowak", "Kowalski", "Wiśniewski", "Wójcik", "Kowalczyk", "Kamiński", "Lewandowski", "Zieliński", "Szymański",
            "Woźniak", "Dąbrowski", "Kozłowski", "Mazur", "Jankowski", "Kwiatkowski", "Wojciechowski", "Krawczyk", "Kaczmarek",
            "Piotrowski", "Grabowski", "Zając", "Pawłowski", "Michalski", "Król", "Wieczorek", "Jabłoński", "Wróbel", "Nowakowski",
        ],
        starts: &["Brzez", "Czarn", "Dębow", "Gór", "Jawor", "Kalin", "Leśn", "Lip", "Malin", "Olsz", "Rud", "Sosn", "Topol", "Wierzb"],
        ends: &["iński", "owski", "ecki", "icki", "czyk", "niak"],
        double: 3,
    },
    Culture {
        percent: 10,
        given: &[
            "Antonio", "María", "José", "Carmen", "Manuel", "Ana", "Francisco", "Isabel", "David", "Laura", "Juan", "Cristina",
            "Javier", "Marta", "Daniel", "Lucía", "Carlos", "Pilar", "Jesús", "Elena", "Alejandro", "Paula", "Miguel", "Raquel",
            "Rafael", "Beatriz", "Pablo", "Rosario", "Ángel", "Mercedes", "Sergio", "Inés", "Fernando", "Sofía", "Luis", "Julia",
            "Ignacio", "Nuria", "Álvaro", "Rocío",
        ],
        family: &[
            "García", "Rodríguez", "González", "Fernández", "López", "Martínez", "Sánchez", "Pérez", "Gómez", "Martín",
            "Jiménez", "Hernández", "Ruiz", "Díaz", "Moreno", "Muñoz", "Álvarez", "Romero", "Gutiérrez", "Alonso", "Navarro",
            "Torres", "Domínguez", "Ramos", "Vázquez", "Ramírez", "Gil", "Serrano", "Morales", "Molina", "Blanco", "Suárez",
            "Castro", "Ortega", "Delgado", "Ortiz", "Marín", "Rubio", "Núñez", "Medina", "de la Cruz",
        ],
        starts: &["Alb", "Arr", "Barr", "Cald", "Carr", "Esc", "Fig", "Mend", "Mont", "Ol", "Pal", "Quint", "Sal", "Val", "Zam"],
        ends: &["ero", "ares", "edo", "eros", "anza", "illa", "ada", "era", "ales", "oza"],
        double: 75,
    },
    Culture {
        percent: 9,
        given: &[
            "Aarav", "Priya", "Rahul", "Anjali", "Amit", "Pooja", "Vijay", "Sunita", "Sanjay", "Neha", "Arjun", "Deepa", "Rajesh",
            "Kavita", "Suresh", "Lakshmi", "Anil", "Meera", "Ravi", "Divya", "Manoj", "Asha", "Karthik", "Swati", "Vikram",
            "Nisha", "Ashok", "Rekha", "Ganesh", "Shreya", "Mahesh", "Ritu",
        ],
        family: &[
            "Kumar", "Singh", "Sharma", "Patel", "Gupta", "Reddy", "Das", "Khan", "Yadav", "Verma", "Mehta", "Shah", "Rao", "Nair",
            "Joshi", "Iyer", "Mishra", "Chopra", "Menon", "Banerjee", "Mukherjee", "Chatterjee", "Desai", "Pillai", "Bose",
            "Kulkarni", "Agarwal", "Malhotra", "Kapoor", "Bhat",
        ],
        starts: &["Bhat", "Chandra", "Deva", "Jaya", "Krishna", "Maha", "Nara", "Raja", "Rama", "Siva", "Subra", "Venka"],
        ends: &["murthy", "swamy", "nathan", "kar", "puri", "wal", "raman", "lingam"],
        double: 0,
    },
    Culture {
        percent: 7,
        given: &[
            "Wei", "Fang", "Min", "Jing", "Lei", "Yan", "Jun", "Ying", "Hao", "Xia", "Ming", "Li", "Tao", "Mei", "Feng", "Hui", "Bo",
            "Lin", "Chao", "Xin", "Yong", "Na", "Gang", "Qian", "Peng", "Yun", "Xiaoming", "Xiaoli", "Jianguo", "Zhiwei",
        ],
        family: &[
            "Wang", "Li", "Zhang", "Liu", "Chen", "Yang", "Huang", "Zhao", "Wu", "Zhou", "Xu", "Sun", "Ma", "Zhu", "Hu", "Guo", "He",
            "Lin", "Gao", "Luo", "Zheng", "Liang", "Xie", "Song", "Tang", "Deng", "Feng", "Han", "Cao", "Peng",
        ],
        starts: &["Ou", "Si", "Shang", "Xia", "Zhu"],
        ends: &["yang", "ma", "guan", "hou", "ge"],
        double: 0,
    },
    Culture {
        percent: 6,
        given: &[
            "Mohammed", "Fatima", "Ahmed", "Aisha", "Ali", "Maryam", "Omar", "Layla", "Hassan", "Zainab", "Yusuf", "Noor",
            "Ibrahim", "Huda", "Khalid", "Amina", "Mustafa", "Salma", "Mahmoud", "Rania", "Mehmet", "Ayşe", "Emre", "Zeynep",
        ],
        family: &[
            "Hassan", "Ahmed", "Ali", "Ibrahim", "Khalil", "Haddad", "Nasser", "Mansour", "Saleh", "Yılmaz", "Kaya", "Demir",
            "Çelik", "Şahin", "Öztürk", "Aydın", "Al-Farsi", "El-Sayed", "Darwish", "Hamdan", "Najjar", "Khoury",
        ],
        starts: &["Abd", "Bar", "Far", "Gha", "Hab", "Kar", "Mas", "Ras", "Sab", "Zah"],
        ends: &["oud", "ani", "awi", "ouri", "edd", "ioğlu", "iri"],
        double: 0,
    },
    Culture {
        percent: 5,
        given: &[
            "Александр", "Елена", "Сергей", "Ольга", "Дмитрий", "Наталья", "Андрей", "Татьяна", "Алексей", "Ирина", "Михаил",
            "Светлана", "Иван", "Анна", "Николай", "Мария", "Юрий", "Екатерина", "Владимир", "Юлия",
        ],
        family: &[
            "Иванов", "Смирнов", "Кузнецов", "Попов", "Соколов", "Лебедев", "Козлов", "Новиков", "Морозов", "Петров", "Волков",
            "Соловьев", "Васильев", "Зайцев", "Павлов", "Семенов", "Голубев", "Виноградов", "Богданов", "Воробьев",
        ],
        starts: &["Бел", "Берез", "Весел", "Гор", "Дуб", "Зим", "Камен", "Лес", "Медвед", "Снег"],
        ends: &["ов", "ев", "ский", "цев", "енко"],
        double: 0,
    },
];

/// Given names and what their bearers are called by.
pub(super) const CALLED: &[(&str, &[&str])] = &[
    ("James", &["Jim", "Jimmy", "Jamie"]), ("Robert", &["Bob", "Rob", "Bobby"]), ("William", &["Bill", "Will", "Liam"]),
    ("Richard", &["Rick", "Dick", "Rich"]), ("Michael", &["Mike", "Mick"]), ("Elizabeth", &["Liz", "Beth", "Betty"]),
    ("Jennifer", &["Jen", "Jenny"]), ("Patricia", &["Pat", "Trish"]), ("Margaret", &["Maggie", "Peggy", "Meg"]),
    ("Thomas", &["Tom", "Tommy"]), ("Christopher", &["Chris", "Kit"]), ("Daniel", &["Dan", "Danny"]),
    ("Matthew", &["Matt"]), ("Anthony", &["Tony"]), ("Steven", &["Steve"]), ("Stephen", &["Steve"]),
    ("Andrew", &["Andy", "Drew"]), ("Joshua", &["Josh"]), ("Kenneth", &["Ken"]), ("Edward", &["Ed", "Ted"]),
    ("Timothy", &["Tim"]), ("Jeffrey", &["Jeff"]), ("Nicholas", &["Nick"]), ("Jonathan", &["Jon"]), ("Samuel", &["Sam"]),
    ("Samantha", &["Sam"]), ("Gregory", &["Greg"]), ("Alexander", &["Alex", "Sascha", "Xander"]), ("Benjamin", &["Ben"]),
    ("Katherine", &["Kate", "Kathy"]), ("Catherine", &["Cathy", "Cat"]), ("Rebecca", &["Becky"]), ("Deborah", &["Debbie"]),
    ("Susan", &["Sue"]), ("Joseph", &["Joe"]), ("Charles", &["Charlie", "Chuck"]), ("David", &["Dave"]),
    ("Kimberly", &["Kim"]), ("Victoria", &["Vicky", "Tori"]), ("Raymond", &["Ray"]), ("Katharina", &["Kathi", "Katja"]),
    ("Wolfgang", &["Wolf"]), ("Maximilian", &["Max"]), ("Johanna", &["Hanna"]), ("Franziska", &["Franzi"]),
    ("Elisabeth", &["Lisa", "Elli"]), ("Friedrich", &["Fritz"]), ("Heinrich", &["Heinz"]), ("Magdalena", &["Lena", "Magda"]),
    ("Sebastian", &["Basti"]), ("Tobias", &["Tobi"]), ("Stefanie", &["Steffi"]), ("Gabriele", &["Gabi"]), ("Ulrich", &["Uli"]),
    ("Katarzyna", &["Kasia"]), ("Małgorzata", &["Gosia"]), ("Agnieszka", &["Aga"]), ("Stanisław", &["Staszek"]),
    ("Aleksandra", &["Ola"]), ("Jakub", &["Kuba"]), ("José", &["Pepe"]), ("Francisco", &["Paco"]), ("Jesús", &["Chuy"]),
    ("Ignacio", &["Nacho"]), ("Manuel", &["Manolo"]), ("Александр", &["Саша"]), ("Дмитрий", &["Дима"]), ("Екатерина", &["Катя"]),
    ("Наталья", &["Наташа"]), ("Mohammed", &["Mo", "Muhammad"]), ("Venkatesh", &["Venky"]),
];
